"""Crowd: what 10,000 subscriptions of the mixed bank cost the whole fan-out, beside a few that want every event.

The real worker (`router worker --stages fanout`) drains the same events twice a round: once with the few subscriptions
alone, once with the crowd beside them. The events are those that the bank is defined on, so the crowd wants a quarter of
them; all of it writes to one topic, as 10,000 topics would measure the broker. What was written is read again and counted.
"""

import argparse
import asyncio
import statistics
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from benchmarks.fanout import GROUP, WORKSPACE, ends, measure, router_command
from benchmarks.matching_banks import Bank, as_bytes, banks, events, filter_of
from router.errors import RefusedError
from router.kafka.admin import admin_client, ensure_topics
from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from router.kafka.producer import KafkaProducer, Message
from router.observability.logs import configure_logs
from topics import ALL_TOPICS, SUBSCRIBER_EVENTS, SUBSCRIPTIONS, WORKSPACE_EVENTS, Subscription, Topic, TopicSink
from topics.events import EVENT_TYPES
from topics.subscribers import subscriber_topic
from topics.subscriptions import Filter, subscription_key

CROWD: Final = 10_000
CROWD_SINK: Final = "crowd"
CHUNK: Final = 10_000
BAR: Final = 0.85
"""The share of its throughput that the fan-out must keep."""


def messages() -> list[Message]:
    """Return the events of the bank as ingress would write them, all of one workspace."""
    return [_message(one | {"topic": WORKSPACE}) for one in events()]


def _message(body: dict) -> Message:
    headers = [
        ("content-type", b"application/json; charset=utf-8"),
        ("ce_id", body["id"].encode()),
        ("ce_type", body["eventType"].encode()),
        ("ce_source", WORKSPACE.encode()),
        ("ce_subject", body["subject"].encode()),
        ("ce_time", body["eventTime"].encode()),
    ]
    return Message(body["subject"].encode(), as_bytes(body), headers)


def the_few(count: int) -> list[Subscription]:
    """Return subscriptions that want every event, each in a topic of its own."""
    wanted = Filter(included_event_types=tuple(kind.name for kind in EVENT_TYPES), subject_begins_with="experiments/")
    return [_subscription(f"few{number}", wanted, f"few{number}") for number in range(count)]


def the_crowd(bank: Bank) -> list[Subscription]:
    """Return the subscriptions of a bank, all of which write to one topic."""
    return [
        _subscription(f"crowd{number}", filter_of(rule), CROWD_SINK) for number, rule in enumerate(bank.rules[CROWD])
    ]


def _subscription(name: str, wanted: Filter, sink: str) -> Subscription:
    now = datetime.now(UTC)
    return Subscription(
        id=f"{WORKSPACE}/providers/Microsoft.EventGrid/eventSubscriptions/{name}",
        name=name,
        source=WORKSPACE,
        sink=TopicSink(name=sink),
        filter=wanted,
        created_at=now,
        updated_at=now,
    )


async def subscribe(bootstrap: str, producer: KafkaProducer, subscriptions: list[Subscription]) -> None:
    """Make these the only subscriptions: the topic is made anew, so that no run reads what another left."""
    async with admin_client(bootstrap) as client:
        if SUBSCRIPTIONS.name in await client.list_topics():
            await client.delete_topics([SUBSCRIPTIONS.name])
    made = False
    while not made:
        try:
            made = SUBSCRIPTIONS.name in await ensure_topics(bootstrap, [SUBSCRIPTIONS])
        except (RefusedError, KafkaError):
            await asyncio.sleep(0.1)  # it is still being deleted
    await producer.send_all(
        SUBSCRIPTIONS.name, [Message(subscription_key(one.id), one.encode()) for one in subscriptions]
    )


async def written(bootstrap: str, sinks: list[str], start: dict[TopicPartition, int]) -> int:
    """Return how many committed records the sinks have from `start` on, and move `start` to their end."""
    partitions = [TopicPartition(subscriber_topic(sink), number) for sink in sinks for number in range(4)]
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, isolation_level="read_committed", max_partition_fetch_bytes=8 << 20
    )
    await consumer.start()
    try:
        consumer.assign(partitions)
        end, count = await consumer.end_offsets(partitions), 0
        for partition in partitions:
            consumer.seek(partition, start.get(partition, 0))
        while any([await consumer.position(partition) < end[partition] for partition in partitions]):
            count += sum(map(len, (await consumer.getmany(timeout_ms=200)).values()))
        start.update(end)
        return count
    finally:
        await consumer.stop()


async def compare(bootstrap: str, data_dir: str, given: argparse.Namespace) -> dict:
    """Return the figures of all rounds, with the few and with the crowd, for each guarantee."""
    few = the_few(given.few)
    bank = next(bank for bank in banks() if bank.name == given.bank)
    casts = {"few": few, "crowd": [*few, *the_crowd(bank)]}
    sinks = [*(one.name for one in few), CROWD_SINK]
    await ensure_topics(bootstrap, [*ALL_TOPICS, *map(_sink, sinks)])
    stream, seen = messages(), dict[TopicPartition, int]()
    owed = {"few": given.passes * len(stream) * given.few}
    owed["crowd"] = owed["few"] + given.passes * bank.totals[CROWD]
    rows = []
    async with AsyncExitStack() as cleanup:
        producer = KafkaProducer(bootstrap, timeout_seconds=120, linger_ms=5)
        await producer.start()
        cleanup.push_async_callback(producer.stop)
        for guarantee in given.guarantees:
            got: dict[str, list[dict]] = {"few": [], "crowd": []}
            for turn in range(given.rounds):
                for name in ("few", "crowd") if turn % 2 == 0 else ("crowd", "few"):
                    await subscribe(bootstrap, producer, casts[name])
                    start = await ends(bootstrap)
                    for first in range(0, given.passes * len(stream), CHUNK):
                        at = first % len(stream)
                        await producer.send_all(WORKSPACE_EVENTS.name, stream[at : at + CHUNK])
                    command = router_command(bootstrap, data_dir, guarantee)
                    figures = await measure(bootstrap, command, GROUP, start, await ends(bootstrap))
                    figures["written"] = await written(bootstrap, sinks, seen)
                    if figures["written"] != owed[name]:
                        raise RuntimeError(f"{name}: {figures['written']} written, {owed[name]} owed")
                    got[name].append(figures)
            rows.append(row(guarantee, given.few, got))
            print_row(rows[-1])
    return {"passes": given.passes, "rows": rows}


def _sink(name: str) -> Topic:
    return Topic(subscriber_topic(name), "same", "event", 4, "delete", ("fanout",), (), SUBSCRIBER_EVENTS.retention)


def row(guarantee: str, few: int, got: dict[str, list[dict]]) -> dict:
    """Return the medians of all rounds, and what share of its rate and CPU the fan-out keeps with the crowd."""
    figures: dict = {"guarantee": guarantee, "few_subscriptions": few, "runs": got}
    for name, runs in got.items():
        figures[name] = {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}
    figures["ratio"] = figures["crowd"]["events_per_second"] / figures["few"]["events_per_second"]
    figures["cpu_ratio"] = figures["few"]["cpu_us"] / figures["crowd"]["cpu_us"]
    return figures


def print_row(figures: dict) -> None:
    """Print one row of the table."""
    cells = "   ".join(
        f"{name} {figures[name]['events_per_second']:>7,.0f}/s {figures[name]['cpu_us']:5.1f} µs"
        f" {figures[name]['written']:>9,.0f} written"
        for name in ("few", "crowd")
    )
    print(
        f"{figures['guarantee']:<17}{cells}   ratio {figures['ratio']:.2f}, by CPU {figures['cpu_ratio']:.2f}"
        f" (bar {BAR:.2f})",
        flush=True,
    )


def run(arguments: list[str]) -> dict:
    """Run the benchmark on an embedded Kafka of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks crowd", description=__doc__)
    parser.add_argument("--passes", type=int, default=4, help="how often the 20,000 events are published for a run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--few", type=int, default=1, help="subscriptions that want every event")
    parser.add_argument("--bank", default="mix", help="the crowd: a bank of the matching benchmark with known totals")
    parser.add_argument("--guarantees", type=lambda text: text.split(","), default=["effectively_once"])
    given = parser.parse_args(arguments)
    configure_logs("error")
    with tempfile.TemporaryDirectory() as data_dir:
        return asyncio.run(_embedded(data_dir, given))


async def _embedded(data_dir: str, given: argparse.Namespace) -> dict:
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(Path(data_dir), port=0))
    await kafka.start()
    try:
        return await compare(kafka.bootstrap_servers, data_dir, given)
    finally:
        await kafka.stop()
