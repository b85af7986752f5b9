"""What the benchmarks that compare processes share: an embedded Kafka, processes that end with the block, CPU time."""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TypeVar

from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from router.observability.logs import configure_logs

STOP_SECONDS = 30

Figures = TypeVar("Figures")
Work = Callable[[str, str], Awaitable[Figures]]
"""Takes the address of a Kafka and a directory for data; returns figures."""


def parser_of(name: str, *, rounds: int = 3) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark on Kafka has."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}")
    parser.add_argument("--rounds", type=int, default=rounds, metavar="N", help="rounds to take the median of")
    parser.add_argument(
        "--bootstrap-servers", metavar="HOST:PORT", help="a Kafka that holds nothing of value; default: an embedded one"
    )
    return parser


def on_kafka(bootstrap_servers: str | None, work: Work[Figures]) -> Figures:
    """Do the work on the given Kafka, or on an embedded one that is started for it and stopped behind it."""
    configure_logs("warning")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as data_dir:
        if bootstrap_servers:
            return asyncio.run(_awaited(work(bootstrap_servers, data_dir)))
        return asyncio.run(_embedded(data_dir, work))


async def _awaited(work: Awaitable[Figures]) -> Figures:
    return await work


async def _embedded(data_dir: str, work: Work[Figures]) -> Figures:
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(Path(data_dir), port=0))
    await kafka.start()
    try:
        return await work(kafka.bootstrap_servers, data_dir)
    finally:
        await kafka.stop()


@contextmanager
def running(
    command: Sequence[str], *, log: Path | None = None, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program as long as the block; it is asked to end, and killed when it does not.

    What it says goes to the end of the log, or its errors to this program's.
    """
    with ExitStack() as files:
        output = files.enter_context(log.open("ab")) if log else None
        process = subprocess.Popen(
            command,
            env=os.environ | environment,
            stdout=output or subprocess.DEVNULL,
            stderr=output or sys.stderr,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def python(*words: str) -> list[str]:
    """Return the command of a Python module with its arguments."""
    return [sys.executable, "-m", *words]


def cpu_seconds(*pids: int) -> float:
    """Return the CPU time that processes have used, all their threads together."""
    used = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        used += int(fields[11]) + int(fields[12])
    return used / os.sysconf("SC_CLK_TCK")
