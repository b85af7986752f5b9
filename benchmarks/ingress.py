"""Ingress: `router server` on a real Kafka against a Starlette handler that only reads the body, in one run.

Both are processes of their own, so is the load; rounds are interleaved, connections are kept alive.
"""

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.processes import cpu_seconds
from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from router.kafka.embedded.ports import free_port

START_SECONDS = 60.0


@contextmanager
def running(command: list[str], ready: str, wanted: int) -> Iterator[int]:
    """Run a server until the block ends; give its process id once it answers as wanted."""
    process = subprocess.Popen(command, env=os.environ | {"ROUTER_LOG_LEVEL": "warning"})
    try:
        deadline = time.monotonic() + START_SECONDS
        while not answers(ready, wanted):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} does not answer")
            time.sleep(0.1)
        yield process.pid
    finally:
        process.terminate()
        process.wait(30)


def answers(url: str, wanted: int) -> bool:
    """Say whether a server answers with this status."""
    try:
        return httpx.get(url, trust_env=False, timeout=1).status_code == wanted
    except httpx.TransportError:
        return False


def measure(pid: int, url: str, key: str, events: int, given: argparse.Namespace) -> dict[str, float]:
    """Load a server; return its rates, and its CPU time a request."""
    before = cpu_seconds(pid)
    command = [sys.executable, "-m", "benchmarks.ingress_load", url, key, str(events)]
    command += [str(given.connections), str(given.seconds)]
    figures = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if figures["failures"]:
        raise RuntimeError(f"{figures['failures']:.0f} requests were refused")
    rate = figures["requests_per_second"]
    # The load ran a second longer than it was measured: its warm-up.
    cpu = (cpu_seconds(pid) - before) / (rate * (given.seconds + 1)) * 1e6
    return {"requests_per_second": rate, "events_per_second": rate * events, "cpu_us": cpu}


def compare(bootstrap: str, data_dir: Path, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each size of batch."""
    ours, bare = free_port(), free_port()
    router = [sys.executable, "-m", "router", "server", "--port", str(ours), "--data-dir", str(data_dir)]
    router += ["--bootstrap-servers", bootstrap]
    reference = [sys.executable, "-m", "benchmarks.bare_ingress", str(bare)]
    rows = []
    with (
        running(router, f"http://127.0.0.1:{ours}/readyz", 200) as our_pid,
        running(reference, f"http://127.0.0.1:{bare}/", 404) as bare_pid,
    ):
        key = json.loads((data_dir / "credentials.json").read_text())["workspace"]["key1"]
        sides = {"router": (our_pid, ours), "bare": (bare_pid, bare)}
        for events in (1, 10, 100):
            got: dict[str, list[dict[str, float]]] = {"router": [], "bare": []}
            for turn in range(given.rounds):
                for name in ("router", "bare") if turn % 2 == 0 else ("bare", "router"):
                    pid, port = sides[name]
                    got[name].append(measure(pid, f"http://127.0.0.1:{port}/api/events", key, events, given))
            rows.append(row(events, got))
            print_row(rows[-1])
    return rows


def row(events: int, got: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return the medians of all rounds, and their ratio."""
    medians = {
        name: {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}
        for name, runs in got.items()
    }
    ratio = medians["router"]["requests_per_second"] / medians["bare"]["requests_per_second"]
    return {"events_a_request": events, **medians, "ratio": ratio, "runs": got}


def print_row(figures: dict[str, Any]) -> None:
    """Print one row of the table."""
    ours, bare = figures["router"], figures["bare"]
    print(
        f"{figures['events_a_request']:>3} events"
        f"   router {ours['requests_per_second']:>8,.0f} requests/s {ours['events_per_second']:>9,.0f} events/s"
        f" {ours['cpu_us']:>7.0f} µs"
        f"   bare {bare['requests_per_second']:>8,.0f} requests/s {bare['cpu_us']:>5.0f} µs"
        f"   ratio {figures['ratio']:.2f}",
        flush=True,
    )


def run(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark on an embedded Kafka of its own, or on the given one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks ingress")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--bootstrap-servers", help="a Kafka that holds nothing of value; default: an embedded one")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as directory:
        rows = asyncio.run(compare_on(given.bootstrap_servers, Path(directory), given))
    return {"connections": given.connections, "rows": rows}


async def compare_on(bootstrap: str | None, directory: Path, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Compare on the given Kafka, or on one that is started for it."""
    if bootstrap:
        return await asyncio.to_thread(compare, bootstrap, directory / "router", given)
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(directory / "kafka", port=0))
    await kafka.start()
    try:
        return await asyncio.to_thread(compare, kafka.bootstrap_servers, directory / "router", given)
    finally:
        await kafka.stop()
