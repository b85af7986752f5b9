"""Fan-out: the real worker against a bare aiokafka loop that does the same, on the same broker, in one run.

Rounds are interleaved. A run is measured from its first to its last committed source offset, so start-up is apart.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from benchmarks.processes import cpu_seconds
from benchmarks.workspace_events import WORKSPACE, event
from router.kafka.admin import admin_client, ensure_topics
from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from router.kafka.producer import KafkaProducer, Message
from router.observability.logs import configure_logs
from topics import ALL_TOPICS, SUBSCRIBER_EVENTS, SUBSCRIPTIONS, WORKSPACE_EVENTS, Subscription, Topic, TopicSink
from topics.events import EVENT_TYPES
from topics.subscribers import subscriber_topic
from topics.subscriptions import Filter, subscription_key

GROUP = "router-fanout"


async def subscribe(bootstrap: str, producer: KafkaProducer, sinks: int) -> None:
    """Make as many topic subscriptions as there shall be sinks; each wants every event."""
    now = datetime.now(UTC)
    names = [f"bench{number}" for number in range(10)]
    await ensure_topics(bootstrap, [_sink(name) for name in names])
    for place, name in enumerate(names):
        resource = f"{WORKSPACE}/providers/Microsoft.EventGrid/eventSubscriptions/{name}"
        wanted = Filter(
            included_event_types=tuple(kind.name for kind in EVENT_TYPES), subject_begins_with="experiments/"
        )
        record = Subscription(
            id=resource,
            name=name,
            source=WORKSPACE,
            sink=TopicSink(name=name),
            filter=wanted,
            created_at=now,
            updated_at=now,
        )
        value = record.encode() if place < sinks else None
        await producer.send(SUBSCRIPTIONS.name, Message(subscription_key(resource), value))


def _sink(name: str) -> Topic:
    return Topic(subscriber_topic(name), "same", "event", 4, "delete", ("fanout",), (), SUBSCRIBER_EVENTS.retention)


async def ends(bootstrap: str) -> dict[int, int]:
    """Return the end offset of each partition of the source."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        partitions = [TopicPartition(WORKSPACE_EVENTS.name, number) for number in range(4)]
        return {tp.partition: offset for tp, offset in (await consumer.end_offsets(partitions)).items()}
    finally:
        await consumer.stop()


async def measure(bootstrap: str, command: list[str], group: str, start: dict[int, int], end: dict[int, int]) -> dict:
    """Run a command until its group has committed the end; return events a second and CPU microseconds an event."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: ASYNC220
    try:
        async with admin_client(bootstrap) as client:
            samples = []
            while True:
                await asyncio.sleep(0.03)
                try:
                    offsets = await client.list_consumer_group_offsets(group)
                except KafkaError:
                    continue  # a new broker makes its offsets topic when the first group comes
                done = sum(
                    max(0, meta.offset - start[tp.partition])
                    for tp, meta in offsets.items()
                    if tp.topic == WORKSPACE_EVENTS.name and meta.offset >= 0
                )
                if done and (not samples or done != samples[-1][1]):
                    samples.append((time.perf_counter(), done, cpu_seconds(process.pid)))
                if done >= sum(end.values()) - sum(start.values()):
                    break
                if process.poll() is not None:
                    raise RuntimeError(f"{command} ended with {process.returncode}")
    finally:
        process.terminate()
        process.wait(30)
    (t0, n0, c0), (t1, n1, c1) = samples[0], samples[-1]
    return {"events_per_second": (n1 - n0) / (t1 - t0), "cpu_us": (c1 - c0) / (n1 - n0) * 1e6}


async def compare(bootstrap: str, data_dir: str, events: int, rounds: int) -> list[dict]:
    """Return a row for each guarantee and number of sinks."""
    await ensure_topics(bootstrap, ALL_TOPICS)
    rows = []
    async with AsyncExitStack() as cleanup:
        producer = KafkaProducer(bootstrap, timeout_seconds=120, linger_ms=5)
        await producer.start()
        cleanup.push_async_callback(producer.stop)
        for sinks in (1, 10):
            await subscribe(bootstrap, producer, sinks)
            for guarantee in ("effectively_once", "at_least_once"):
                got: dict[str, list[dict]] = {"router": [], "bare": []}
                for turn in range(rounds):
                    start = await ends(bootstrap)
                    for first in range(0, events, 10_000):
                        await producer.send_all(
                            WORKSPACE_EVENTS.name, [event(n) for n in range(first, min(events, first + 10_000))]
                        )
                    end = await ends(bootstrap)
                    commands = {
                        "router": (GROUP, router_command(bootstrap, data_dir, guarantee)),
                        "bare": bare_command(bootstrap, guarantee, start, f"bare-{sinks}-{guarantee}-{turn}"),
                    }
                    for name in ("router", "bare") if turn % 2 == 0 else ("bare", "router"):
                        group, command = commands[name]
                        got[name].append(await measure(bootstrap, command, group, start, end))
                rows.append(row(sinks, guarantee, got))
                print_row(rows[-1])
    return rows


def router_command(bootstrap: str, data_dir: str, guarantee: str) -> list[str]:
    """Return the command of the real worker."""
    return [
        *("/usr/bin/env", f"ROUTER_DELIVERY_GUARANTEE={guarantee}", "ROUTER_INSTANCE=bench"),
        *(sys.executable, "-m", "router"),
        *("worker", "--stages", "fanout", "--bootstrap-servers", bootstrap, "--metrics-port", "0"),
        *("--data-dir", data_dir),
    ]


def bare_command(bootstrap: str, guarantee: str, start: dict[int, int], group: str) -> tuple[str, list[str]]:
    """Return group and command of the bare loop."""
    offsets = orjson.dumps({str(number): offset for number, offset in start.items()}).decode()
    return group, [sys.executable, "-m", "benchmarks.bare_loop", bootstrap, group, guarantee, offsets]


def row(sinks: int, guarantee: str, got: dict[str, list[dict]]) -> dict:
    """Return the medians of all rounds, and their ratio."""

    def median(name: str, figure: str) -> float:
        return statistics.median(run[figure] for run in got[name])

    return {
        "sinks": sinks,
        "guarantee": guarantee,
        "router": {figure: median("router", figure) for figure in ("events_per_second", "cpu_us")},
        "bare": {figure: median("bare", figure) for figure in ("events_per_second", "cpu_us")},
        "ratio": median("router", "events_per_second") / median("bare", "events_per_second"),
        "runs": got,
    }


def print_row(figures: dict) -> None:
    """Print one row of the table."""
    print(
        f"{figures['sinks']:>2} sinks {figures['guarantee']:<17}"
        f" router {figures['router']['events_per_second']:>9,.0f}/s {figures['router']['cpu_us']:5.1f} µs"
        f"   bare {figures['bare']['events_per_second']:>9,.0f}/s {figures['bare']['cpu_us']:5.1f} µs"
        f"   ratio {figures['ratio']:.2f}",
        flush=True,
    )


def run(arguments: list[str]) -> dict:
    """Run the benchmark on an embedded Kafka of its own, or on the given one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks fanout")
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bootstrap-servers", help="a Kafka that holds nothing of value; default: an embedded one")
    given = parser.parse_args(arguments)
    configure_logs("warning")
    with tempfile.TemporaryDirectory() as data_dir:
        if given.bootstrap_servers:
            rows = asyncio.run(compare(given.bootstrap_servers, data_dir, given.events, given.rounds))
        else:
            rows = asyncio.run(embedded(data_dir, given.events, given.rounds))
    return {"events": given.events, "rows": rows}


async def embedded(data_dir: str, events: int, rounds: int) -> list[dict]:
    """Compare on a Kafka that is started for it."""
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(Path(data_dir), port=0))
    await kafka.start()
    try:
        return await compare(kafka.bootstrap_servers, data_dir, events, rounds)
    finally:
        await kafka.stop()
