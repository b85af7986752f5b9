"""Latency of fan-out: publish → a subscriber's topic, the real worker beside Kafka Streams, at several rates.

Publishing, receiving and verifying are those of `router loadtest`, over Kafka, so that only what lies between two
topics is compared: an open loop, latency from the intended send time, every id looked for. A contestant is started once
a round, and warmed up before it is measured.
"""

import shlex
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import groups
from benchmarks.documents import around, write_between
from benchmarks.fanout_contestants import Contestant, Run, router, streams
from benchmarks.fanout_topics import Sinks, ends
from benchmarks.processes import on_kafka, parser_of, running
from benchmarks.workspace_events import WORKSPACE
from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer
from router.loadtest.options import LoadOptions
from router.loadtest.plan import Plan
from router.loadtest.publisher import KafkaWay
from router.loadtest.receiver import TopicReceiver
from router.loadtest.run import LoadTest
from topics import ALL_TOPICS, WORKSPACE_EVENTS
from topics.samples import sample_events

SUBJECTS = "loadtest/"
WARM_UP_SECONDS = 6
WARM_UP_RATE = 2_000
PERCENTILES = ("p50", "p99", "p99_9", "max")


@dataclass(frozen=True, slots=True)
class Side:
    """A contestant with a guarantee, and how the table calls it."""

    title: str
    contestant: Contestant
    guarantee: str


SIDES = (
    Side("**router**, effectively once", router(1), "effectively_once"),
    Side("Kafka Streams, exactly once, commit 10 ms", streams(10, 0), "effectively_once"),
    Side("Kafka Streams, exactly once, commit 50 ms", streams(50, 0), "effectively_once"),
    Side("**router**, at least once", router(1), "at_least_once"),
    Side("Kafka Streams, at least once", streams(100, 0), "at_least_once"),
)


@dataclass(frozen=True, slots=True)
class Bench:
    """A Kafka on which sides are measured one after the other."""

    bootstrap: str
    data_dir: str
    producer: KafkaProducer
    rates: Sequence[int]
    seconds: float

    async def measure(self, side: Side) -> dict[int, dict[str, float]]:
        """Start a side, warm it up, and return its latency at each rate."""
        contestant, name = side.contestant, f"b{time.time_ns():x}"
        sinks = Sinks(self.bootstrap, name, 1, SUBJECTS)
        run = Run(self.bootstrap, self.data_dir, side.guarantee, contestant.group or name, sinks.topics, SUBJECTS)
        groups.begin_at(self.bootstrap, run.group, WORKSPACE_EVENTS.name, ends(self.bootstrap))
        await sinks.make(self.producer)
        try:
            async with AsyncExitStack() as cleanup:
                for program in contestant.programs(run):
                    log = Path(self.data_dir) / f"{name}.log"
                    cleanup.enter_context(running(program.command, log=log, **program.environment))
                await self._load(sinks, WARM_UP_RATE, WARM_UP_SECONDS)
                return {rate: await self._load(sinks, rate, self.seconds) for rate in self.rates}
        finally:
            await groups.leave(self.bootstrap, run.group, contestant.instances)
            await sinks.remove(self.producer)

    async def _load(self, sinks: Sinks, rate: int, seconds: float) -> dict[str, float]:
        name, events = f"lt{time.time_ns():x}", round(rate * seconds)
        plan = Plan(name, sample_events("EventGridSchema"), WORKSPACE, events=events, matching=1.0)
        test = LoadTest(LoadOptions(events=events, rate=rate, publish="kafka"), plan)
        receiver = TopicReceiver(self.bootstrap, name, sinks.topics, test.ledger)
        await receiver.start()
        try:
            way = KafkaWay(self.producer)
            await test.rehearse(way)
            await test.publish(way, [])
            await test.verify()
        finally:
            await receiver.stop()
        figures = test.report().figures()
        return figures["latency_ms"] | {"lost": figures["lost"], "duplicates": figures["duplicates"]}


async def compare(bootstrap: str, data_dir: str, rates: Sequence[int], seconds: float, rounds: int) -> list[dict]:
    """Return a row for each side and rate, with the medians of all rounds."""
    await ensure_topics(bootstrap, ALL_TOPICS)
    producer = KafkaProducer(bootstrap, timeout_seconds=60)
    await producer.start()
    bench = Bench(bootstrap, data_dir, producer, rates, seconds)
    missing = {side.title: reason for side in SIDES if (reason := side.contestant.why_not())}
    for title, reason in missing.items():
        print(f"Without {title}: {reason}.")
    sides = [side for side in SIDES if side.title not in missing]
    got: dict[tuple[int, str], list[dict[str, float]]] = {(rate, side.title): [] for rate in rates for side in sides}
    try:
        for number in range(rounds):
            for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
                for rate, figures in (await bench.measure(side)).items():
                    got[rate, side.title].append(figures)
                    print(f"{rate:>6}/s  {side.title:<45} {figures}", flush=True)
    finally:
        await producer.stop()
    return [row(rate, title, runs) for (rate, title), runs in got.items()]


def row(rate: int, title: str, runs: list[dict[str, float]]) -> dict[str, Any]:
    """Return the medians of a side at a rate; losses and repeats are added up."""
    medians = {name: statistics.median(run[name] for run in runs) for name in PERCENTILES}
    return {
        "rate": rate,
        "who": title,
        **medians,
        **{name: sum(run[name] for run in runs) for name in ("lost", "duplicates")},
        "runs": runs,
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "| events/s | | p50 ms | p99 ms | p99.9 ms | max ms | lost | doubled |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in rows:
        latency = " | ".join(f"{one[name]:,.1f}" for name in PERCENTILES)
        lines.append(f"| {one['rate']:,} | {one['who']} | {latency} | {one['lost']} | {one['duplicates']} |")
    return "\n".join(lines)


def run(arguments: Sequence[str]) -> dict[str, Any]:
    """Run the benchmark and print its table."""
    parser = parser_of("latency", rounds=1)
    parser.add_argument(
        "--rate", nargs="+", type=int, default=[100, 1_000, 10_000], metavar="N", help="events a second"
    )
    parser.add_argument("--seconds", type=float, default=10, metavar="N", help="how long each rate is kept up")
    parser.add_argument("--docs", type=Path, metavar="PAGE", help="also write the table into this page of the docs")
    given = parser.parse_args(arguments)
    if given.docs is not None:
        around(given.docs, "latency")  # better known now than after ten minutes
    rows = on_kafka(
        given.bootstrap_servers,
        lambda bootstrap, data_dir: compare(bootstrap, data_dir, given.rate, given.seconds, given.rounds),
    )
    print(f"\n{table(rows)}")
    if given.docs is not None:
        command = shlex.join(["python", "-m", "benchmarks", "latency", *arguments])
        write_between(given.docs, "latency", f"`{command}` on {datetime.now(UTC):%Y-%m-%d}:\n\n{table(rows)}")
    return {"seconds": given.seconds, "rows": rows}
