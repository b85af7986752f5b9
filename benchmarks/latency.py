"""Latency: publish → a subscriber's topic, the real worker beside Kafka Streams, and → a webhook, at several rates.

Publishing, receiving and verifying are those of `router loadtest`, over Kafka, so that only what lies between two
topics is compared: an open loop, latency from the intended send time, every id looked for. A contestant is started once
a round, and warmed up before it is measured; before the first one Kafka is, or that one would pay for its compiler.
"""

import argparse
import asyncio
import shlex
import statistics
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import groups
from benchmarks.documents import around, write_between
from benchmarks.fanout_contestants import Contestant, Run, router, streams
from benchmarks.fanout_topics import Sinks, ends
from benchmarks.processes import on_kafka, parser_of, running
from benchmarks.webhooks import a_subscription
from benchmarks.workspace_events import WORKSPACE
from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer, Message
from router.loadtest.ledger import Ledger
from router.loadtest.options import LoadOptions, SinkKind
from router.loadtest.plan import Plan, is_dense
from router.loadtest.publisher import KafkaWay
from router.loadtest.receiver import TopicReceiver, WebhookReceiver
from router.loadtest.run import LoadTest
from router.secrets import secret_box
from router.settings import Settings
from topics import ALL_TOPICS, SUBSCRIPTIONS, WORKSPACE_EVENTS
from topics.samples import sample_events
from topics.subscriptions import subscription_key

SUBJECTS = "loadtest/"
KAFKA_WARM_UP_SECONDS = 8
WARM_UP_SECONDS = 6
WARM_UP_RATE = 2_000
PERCENTILES = ("p50", "p99", "p99_9", "max")


@dataclass(frozen=True, slots=True)
class Side:
    """A contestant with a guarantee, how the table calls it, and what receives.

    `most` is the highest rate that it is asked for: a webhook is one request an event, and all share the machine.
    """

    name: str
    title: str
    contestant: Contestant
    guarantee: str
    sink: SinkKind = "topic"
    most: int | None = None

    def rates(self, wanted: Sequence[int]) -> list[int]:
        """Return the rates that it is measured at."""
        return sorted({rate if self.most is None else min(rate, self.most) for rate in wanted})


SIDES = (
    Side("router", "**router**, effectively once", router(1), "effectively_once"),
    Side("streams-10", "Kafka Streams, exactly once, commit 10 ms", streams(10, 0), "effectively_once"),
    Side("streams-50", "Kafka Streams, exactly once, commit 50 ms", streams(50, 0), "effectively_once"),
    Side("router-repeats", "**router**, at least once", router(1), "at_least_once"),
    Side("streams-repeats", "Kafka Streams, at least once", streams(100, 0), "at_least_once"),
    Side("webhook", "**router**, to a webhook", router(1, "fanout,delivery"), "effectively_once", "webhook", 2_000),
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
        async with AsyncExitStack() as cleanup:
            if side.sink == "topic":
                cleanup.push_async_callback(sinks.remove, self.producer)
                await sinks.make(self.producer)
            cleanup.push_async_callback(groups.leave, self.bootstrap, run.group, contestant.instances)
            for program in contestant.programs(run):
                log = Path(self.data_dir) / f"{name}.log"
                cleanup.enter_context(running(program.command, log=log, **program.environment))
            await self._load(side, sinks, min(WARM_UP_RATE, side.most or WARM_UP_RATE), WARM_UP_SECONDS)
            return {rate: await self._load(side, sinks, rate, self.seconds) for rate in side.rates(self.rates)}

    async def _load(self, side: Side, sinks: Sinks, rate: int, seconds: float) -> dict[str, float]:
        name, events = f"lt{time.time_ns():x}", round(rate * seconds)
        plan = Plan(name, sample_events("EventGridSchema"), WORKSPACE, events=events, matching=1.0)
        test = LoadTest(LoadOptions(events=events, rate=rate, publish="kafka", sink=side.sink), plan)
        async with AsyncExitStack() as cleanup:
            if side.sink == "topic":
                receiver = TopicReceiver(self.bootstrap, name, sinks.topics, test.ledger, gathers=is_dense(rate))
                cleanup.push_async_callback(receiver.stop)
                await receiver.start()
            else:
                await self._receive_at_webhook(name, test.ledger, cleanup)
            way = KafkaWay(self.producer)
            await test.rehearse(way)
            await test.publish(way, [])
            await test.verify()
        figures = test.report().figures()
        return figures["latency_ms"] | {"lost": figures["lost"], "duplicates": figures["duplicates"]}

    async def _receive_at_webhook(self, name: str, ledger: Ledger, cleanup: AsyncExitStack) -> None:
        receiver = WebhookReceiver(name, 1, ledger)
        cleanup.push_async_callback(receiver.stop)
        await receiver.start()
        one = a_subscription(name, receiver.urls()[0], secret_box(Settings(data_dir=Path(self.data_dir))))
        key = subscription_key(one.id)
        await self.producer.send(SUBSCRIPTIONS.name, Message(key, one.encode()))
        cleanup.push_async_callback(self.producer.send, SUBSCRIPTIONS.name, Message(key, None))


async def compare(bootstrap: str, data_dir: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each side and rate, with the medians of all rounds."""
    await ensure_topics(bootstrap, ALL_TOPICS)
    producer = KafkaProducer(bootstrap, timeout_seconds=60)
    await producer.start()
    bench = Bench(bootstrap, data_dir, producer, given.rate, given.seconds)
    wanted = [side for side in SIDES if not given.only or side.name in given.only]
    missing = {side.title: reason for side in wanted if (reason := side.contestant.why_not())}
    for title, reason in missing.items():
        print(f"Without {title}: {reason}.")
    sides = [side for side in wanted if side.title not in missing]
    got: defaultdict[tuple[int, str], list[dict[str, float]]] = defaultdict(list)
    try:
        await replace(bench, rates=[max(given.rate)], seconds=KAFKA_WARM_UP_SECONDS).measure(sides[0])
        for number in range(given.rounds):
            for side in sides[number % len(sides) :] + sides[: number % len(sides)]:
                for rate, figures in (await bench.measure(side)).items():
                    got[rate, side.title].append(figures)
                    print(f"{rate:>6}/s  {side.title:<45} {figures}", flush=True)
    finally:
        await producer.stop()
    order = [(rate, side) for side in sides for rate in side.rates(given.rate)]
    order.sort(key=lambda of: (of[1].sink, of[0]))
    return [row(rate, side.title, got[rate, side.title]) for rate, side in order]


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
    parser.add_argument("--only", nargs="+", choices=[side.name for side in SIDES], default=(), metavar="SIDE")
    parser.add_argument("--seconds", type=float, default=10, metavar="N", help="how long each rate is kept up")
    parser.add_argument("--docs", type=Path, metavar="PAGE", help="also write the table into this page of the docs")
    given = parser.parse_args(arguments)
    if given.docs is not None:
        around(given.docs, "latency")  # better known now than after ten minutes
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())  # as `router loadtest` has it
    rows = on_kafka(
        given.bootstrap_servers,
        lambda bootstrap, data_dir: compare(bootstrap, data_dir, given),
    )
    print(f"\n{table(rows)}")
    if given.docs is not None:
        command = shlex.join(["python", "-m", "benchmarks", "latency", *arguments])
        write_between(given.docs, "latency", f"`{command}` on {datetime.now(UTC):%Y-%m-%d}:\n\n{table(rows)}")
    return {"seconds": given.seconds, "rows": rows}
