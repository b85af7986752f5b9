"""`router loadtest` at several rates, against a `router up` that is started for it: publish → topic, publish → webhook.

Every run publishes over HTTP as fast as the rate says, and looks for every id at its receiver. All of it shares this
machine: Kafka, server, worker, history, and the load tester itself.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from benchmarks.documents import around, write_between
from benchmarks.processes import python, running
from router.kafka.embedded.ports import free_port

START_SECONDS = 120.0
PERCENTILES = ("p50", "p99", "p99_9", "max")
WARM_UP = ("--events", "12000", "--rate", "3000")


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks loadtest")
    guarantees = ("effectively_once", "at_least_once")
    parser.add_argument("--guarantee", nargs="+", choices=guarantees, default=list(guarantees), metavar="NAME")
    parser.add_argument("--sink", nargs="+", choices=("topic", "webhook"), default=["topic", "webhook"], metavar="NAME")
    parser.add_argument(
        "--rate", nargs="+", type=int, default=[100, 1_000, 10_000], metavar="N", help="events a second"
    )
    parser.add_argument("--seconds", type=float, default=10, metavar="N", help="how long each rate is kept up")
    parser.add_argument("--minute", action="store_true", help="also 10,000 events a second to a topic, for 60 s")
    parser.add_argument("--publish", choices=("http", "kafka"), default="http", metavar="NAME", help="http or kafka")
    parser.add_argument("--docs", type=Path, metavar="PAGE", help="also write the table into this page of the docs")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write the page with plots of the last run")
    given = parser.parse_args(arguments)
    if given.docs is not None:
        around(given.docs, "loadtest")  # better known now than after ten minutes
    return given


@contextmanager
def a_router(data_dir: Path, guarantee: str) -> Iterator[None]:
    """Run `router up` as long as the block, which begins when it is ready."""
    port, kafka_port, metrics_port = (free_port() for _ in range(3))
    ports = ["--port", str(port), "--kafka-port", str(kafka_port), "--metrics-port", str(metrics_port)]
    command = python("router", "up", "--data-dir", str(data_dir), *ports)
    with running(command, log=data_dir / "up.log", ROUTER_DELIVERY_GUARANTEE=guarantee, ROUTER_LOG_LEVEL="warning"):
        deadline = time.monotonic() + START_SECONDS
        while not is_ready(port):
            if time.monotonic() > deadline:
                raise RuntimeError(f"router up is not ready: {(data_dir / 'up.log').read_text()[-1_000:]}")
            time.sleep(0.3)
        yield


def is_ready(port: int) -> bool:
    """Say whether a server answers that it is ready."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False, timeout=2).status_code == 200
    except httpx.TransportError:
        return False


def loaded(data_dir: Path, *words: str) -> dict[str, Any]:
    """Run one load test and return its figures, whether it was well or not."""
    command = python("router", "loadtest", "--data-dir", str(data_dir), "--json", "-", *words)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=sys.stderr, text=True, check=False)
    if not done.stdout:
        raise RuntimeError(f"{shlex.join(command)} ended with {done.returncode}")
    return json.loads(done.stdout)


def plans(given: argparse.Namespace) -> Iterator[tuple[str, int, float]]:
    """Give sink, rate and seconds of each run."""
    for sink in given.sink:
        for rate in given.rate:
            yield sink, rate, given.seconds
    if given.minute:
        yield "topic", 10_000, 60


def compare(given: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each guarantee, sink and rate."""
    rows = []
    for guarantee in given.guarantee:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as folder, a_router(Path(folder), guarantee):
            for sink in given.sink:
                loaded(Path(folder), *WARM_UP, "--sink", sink)
            for sink, rate, seconds in plans(given):
                words = ["--events", f"{rate * seconds:.0f}", "--rate", str(rate), "--sink", sink]
                words += ["--publish", given.publish, *(("--html", str(given.html)) if given.html else ())]
                figures = loaded(Path(folder), *words)
                rows.append({"guarantee": guarantee, "sink": sink, "rate": rate, "seconds": seconds, **figures})
                print(line(rows[-1]), flush=True)
    return rows


def line(row: dict[str, Any]) -> str:
    """Return one row of the table."""
    values = [row["latency_ms"][name] for name in PERCENTILES]
    latency = ["" if value is None else f"{value:,.1f}" for value in values]
    cells = [row["guarantee"].replace("_", " "), row["sink"], f"{row['rate']:,} for {row['seconds']:g} s"]
    cells += [f"{row['publish_rate']:,.0f}", f"{row['delivery_rate']:,.0f}", *latency]
    return f"| {' | '.join([*cells, str(row['lost']), str(row['duplicates'])])} |"


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as Markdown."""
    names = ("guarantee", "to a", "events/s asked for", "published/s", "delivered/s", "p50 ms", "p99", "p99.9", "max")
    return "\n".join([f"| {' | '.join([*names, 'lost', 'doubled'])} |", "|---" * 11 + "|", *map(line, rows)])


def run(arguments: Sequence[str]) -> dict[str, Any]:
    """Run the load tests and print their table."""
    given = options(arguments)
    rows = compare(given)
    print(f"\n{table(rows)}")
    if given.docs is not None:
        command = shlex.join(["python", "-m", "benchmarks", "loadtest", *arguments])
        write_between(given.docs, "loadtest", f"`{command}`:\n\n{table(rows)}")
    return {"rows": rows}
