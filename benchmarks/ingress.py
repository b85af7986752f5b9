"""Ingress: `router server` on a real Kafka against a Starlette handler that only reads the body, in one run.

Both are processes of their own, so is the load; rounds are interleaved, connections are kept alive. CPU time is told
beside the rates: on a machine that has other work, too, it is the steadier figure.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from benchmarks.processes import cpu_seconds, parser_of, python, running
from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from router.kafka.embedded.ports import free_port
from router.observability.logs import configure_logs

START_SECONDS = 60.0
SIZES = (1, 10, 100)


class Side(NamedTuple):
    """A server that is compared."""

    pid: int
    url: str


@contextmanager
def serving(command: list[str], port: int, ready: str, wanted: int) -> Iterator[Side]:
    """Run a server until the block ends; the block begins when it answers as wanted."""
    address = f"http://127.0.0.1:{port}"
    with running(command, ROUTER_LOG_LEVEL="warning") as process:
        deadline = time.monotonic() + START_SECONDS
        while not answers(address + ready, wanted):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command} does not answer")
            time.sleep(0.1)
        yield Side(process.pid, f"{address}/api/events")


def answers(url: str, wanted: int) -> bool:
    """Say whether a server answers with this status."""
    try:
        return httpx.get(url, trust_env=False, timeout=1).status_code == wanted
    except httpx.TransportError:
        return False


def measure(side: Side, key: str, events: int, kafka_pid: int | None, given: argparse.Namespace) -> dict[str, float]:
    """Load a server; return its rates, and what a request cost it, Kafka and the load (CPU time in µs)."""
    pids = (side.pid, *([kafka_pid] if kafka_pid else []))
    before = [cpu_seconds(pid) for pid in pids]
    words = (side.url, key, str(events), str(given.connections), str(given.seconds))
    load = subprocess.run(python("benchmarks.ingress_load", *words), check=True, capture_output=True, text=True)
    used = [cpu_seconds(pid) - start for pid, start in zip(pids, before, strict=True)]
    figures = json.loads(load.stdout)
    if figures["failures"]:
        raise RuntimeError(f"{figures['failures']:.0f} requests were refused")
    cpu = [seconds / figures["answers"] * 1e6 for seconds in used]
    rate = figures["requests_per_second"]
    return {
        "requests_per_second": rate,
        "events_per_second": rate * events,
        "cpu_us": cpu[0],
        "kafka_cpu_us": cpu[1] if kafka_pid else 0.0,
        "load_cpu_us": figures["load_cpu_us"],
    }


def compare(bootstrap: str, kafka_pid: int | None, data_dir: Path, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each size of batch."""
    ours, bare = free_port(), free_port()
    router = python("router", "server", "--port", str(ours), "--data-dir", str(data_dir))
    router += ["--bootstrap-servers", bootstrap]
    reference = python("benchmarks.bare_ingress", str(bare))
    rows = []
    with (
        serving(router, ours, "/readyz", httpx.codes.OK) as router_side,
        serving(reference, bare, "/", httpx.codes.NOT_FOUND) as bare_side,
    ):
        key = json.loads((data_dir / "credentials.json").read_text())["workspace"]["key1"]
        sides = [("router", router_side), ("bare", bare_side)]
        for events in SIZES:
            got: dict[str, list[dict[str, float]]] = {"router": [], "bare": []}
            for turn in range(given.rounds):
                for name, side in sides if turn % 2 == 0 else reversed(sides):
                    got[name].append(measure(side, key, events, kafka_pid, given))
            rows.append(row(events, got))
            print_row(rows[-1])
    return rows


def row(events: int, got: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return the medians of all rounds, and their ratios: by rate, and by CPU time of the server."""
    medians = {
        name: {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}
        for name, runs in got.items()
    }
    ours, bare = medians["router"], medians["bare"]
    return {
        "events_a_request": events,
        **medians,
        "ratio": ours["requests_per_second"] / bare["requests_per_second"],
        "cpu_ratio": bare["cpu_us"] / ours["cpu_us"],
        "runs": got,
    }


def print_row(figures: dict[str, Any]) -> None:
    """Print one row of the table."""
    ours, bare = figures["router"], figures["bare"]
    print(
        f"{figures['events_a_request']:>3} events"
        f"   router {ours['requests_per_second']:>7,.0f} requests/s {ours['events_per_second']:>8,.0f} events/s"
        f" {ours['cpu_us']:>6.0f} µs (Kafka {ours['kafka_cpu_us']:.0f}, load {ours['load_cpu_us']:.0f})"
        f"   bare {bare['requests_per_second']:>7,.0f} requests/s {bare['cpu_us']:>4.0f} µs"
        f"   ratio {figures['ratio']:.2f}, by CPU {figures['cpu_ratio']:.2f}",
        flush=True,
    )


def run(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark on an embedded Kafka of its own, or on the given one, whose CPU time is not told then."""
    parser = parser_of("ingress")
    parser.add_argument("--seconds", type=float, default=5.0, metavar="N", help="how long a round is measured")
    parser.add_argument("--connections", type=int, default=64, metavar="N", help="kept alive, each with one request")
    given = parser.parse_args(arguments)
    configure_logs("warning")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        rows = asyncio.run(compare_on(given.bootstrap_servers, Path(directory), given))
    return {"connections": given.connections, "rows": rows}


async def compare_on(bootstrap: str | None, directory: Path, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Compare on the given Kafka, or on one that is started for it."""
    if bootstrap:
        return await asyncio.to_thread(compare, bootstrap, None, directory / "router", given)
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(directory / "kafka", port=0))
    await kafka.start()
    try:
        return await asyncio.to_thread(compare, kafka.bootstrap_servers, kafka.pid, directory / "router", given)
    finally:
        await kafka.stop()
