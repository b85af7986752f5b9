"""Fan-out on a real Kafka, by real worker processes, whatever happens to them."""

import asyncio
import collections
import json
import random
import uuid
from contextlib import AsyncExitStack

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from router.fanout.agent import GROUP
from router.kafka.admin import delete_topic, ensure_topics, partition_counts
from router.kafka.producer import KafkaProducer, Message
from tests.builders import a_binary_record, a_cloud_event, a_subscription, an_event, as_bytes, event_headers
from tests.waiting import until
from tests.workers import WorkerProcess
from topics import ALL_TOPICS, Topic
from topics.subscribers import subscriber_topic
from topics.subscriptions import Filter, subscription_key

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]

LEAVES = {"ROUTER_LEAVE_ON_STOP": "true"}
"""For workers other than the first one: the next test would wait until their sessions end."""


class World:
    """A broker with sinks of this test's own, and the workers that it starts."""

    def __init__(self, bootstrap_servers, data_dir, cleanup):
        self.bootstrap_servers, self.data_dir, self._cleanup = bootstrap_servers, data_dir, cleanup
        self.run = uuid.uuid4().hex[:8]
        self.producer = KafkaProducer(bootstrap_servers, timeout_seconds=60, linger_ms=5)

    def worker(self, instance="test-0", guarantee="effectively_once", **environment):
        worker = WorkerProcess(self.bootstrap_servers, self.data_dir, instance, guarantee, **environment)
        self._cleanup.callback(worker.end)
        return worker.start()

    async def subscribe(self, name, partitions=4, **fields):
        name = f"{name}-{self.run}"
        topic = Topic(subscriber_topic(name), "same", "event", partitions, "delete", (), ())
        await ensure_topics(self.bootstrap_servers, [topic])
        subscription = a_subscription(name, **fields)
        key = subscription_key(subscription.id)
        await self.producer.send("router.subscriptions", Message(key, subscription.encode()))
        self._cleanup.push_async_callback(self.producer.send, "router.subscriptions", Message(key, None))
        return topic.name

    def event(self, number, **members):
        subject = f"models/m-{number % 97}"
        event = an_event(id=f"{self.run}-{number}", subject=subject, **members)
        return Message(subject.encode(), as_bytes(event), event_headers(event))

    def mark(self, message):
        """The same message with the run in a header, so that `read` knows it whatever its bytes are."""
        return Message(message.key, message.value, [*message.headers, ("x-run", self.run.encode())])

    async def publish(self, first, last):
        await self.producer.send_all("workspace.events", [self.event(n) for n in range(first, last)])

    def read(self, topic, expected, isolation="read_committed", *, own=True):
        """This run's messages of a topic, until the expected number is there and nothing came for a while.

        A new worker begins with what former tests published while none ran: that is not ours.
        """
        settings = {"bootstrap.servers": self.bootstrap_servers, "group.id": uuid.uuid4().hex}
        consumer = Consumer(settings | {"isolation.level": isolation, "enable.auto.commit": False})
        count = len(consumer.list_topics(topic, timeout=30).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in range(count)])
        messages, different, idle = [], set(), 0.0
        # Repeats do not stand for what is still to come.
        while idle < (1.0 if len(different) >= expected else 100.0):
            batch = [message for message in consumer.consume(5000, 0.25) if not message.error()]
            messages += (found := [message for message in batch if not own or self._is_own(message)])
            different.update(m.value() if own else (m.partition(), m.offset()) for m in found)
            idle = 0.0 if batch else idle + 0.25
        consumer.close()
        return messages

    async def ids(self, topic, expected):
        messages = await asyncio.to_thread(self.read, topic, expected)
        return collections.Counter(json.loads(message.value())["id"] for message in messages)

    def members(self):
        """How many workers are in the group of fan-out."""
        client = AdminClient({"bootstrap.servers": self.bootstrap_servers})
        return len(client.describe_consumer_groups([GROUP])[GROUP].result(30).members)

    def _is_own(self, message):
        return any(
            self.run.encode() in part
            for part in (message.value() or b"", dict(message.headers() or []).get("x-run", b""))
        )

    def expected(self, count):
        return collections.Counter(f"{self.run}-{number}" for number in range(count))


@pytest.fixture
async def world(kafka, tmp_path):
    await ensure_topics(kafka.bootstrap_servers, ALL_TOPICS)
    async with AsyncExitStack() as cleanup:
        world = World(kafka.bootstrap_servers, tmp_path, cleanup)
        await world.producer.start()
        cleanup.push_async_callback(world.producer.stop)
        yield world


@pytest.mark.parametrize("guarantee", ["effectively_once", "at_least_once"])
async def test_each_event_reaches_each_sink_once_unchanged_and_in_its_partition(world, guarantee):
    everything = await world.subscribe("all")
    some = await world.subscribe("some", filter=Filter(subject_begins_with="MODELS/m-1", subject_ends_with="1"))
    await world.worker(guarantee=guarantee).ready()
    await world.publish(0, 2000)
    sent = {world.event(n).value: world.event(n) for n in range(2000)}
    messages = await asyncio.to_thread(world.read, everything, 2000)
    assert len(messages) == 2000
    for message in messages:
        original = sent[message.value()]
        assert (message.key(), message.headers()) == (original.key, original.headers)
    wanted = [n for n in range(2000) if f"m-{n % 97}".startswith("m-1") and str(n % 97).endswith("1")]
    assert await world.ids(some, len(wanted)) == collections.Counter(f"{world.run}-{n}" for n in wanted)


async def test_outside_producers_are_routed_in_every_form_and_bad_bytes_stop_nothing(world):
    sink = await world.subscribe("forms")
    await world.worker().ready()
    binary = a_binary_record(b'{"modelName": "churn"}')
    cloud = a_cloud_event(id="structured")
    bad = [b"\xff\xfe not utf-8", b"[1,2", b'{"hello": 1}', b"", b"null", None]
    records = [
        Message(b"k", as_bytes(an_event(id="grid")), [("content-type", b"application/json"), ("x-trace", b"\x00\xff")]),
        *(Message(b"k", value, [("x", b"1")]) for value in bad),
        Message(b"k", as_bytes(cloud), event_headers(cloud)),
        Message(b"k", binary.value, binary.headers),
    ]
    records = [world.mark(record) for record in records]
    await world.producer.send_all("workspace.events", records)
    messages = await asyncio.to_thread(world.read, sink, 3)
    assert [(m.value(), m.headers()) for m in messages] == [
        (records[place].value, list(records[place].headers)) for place in (0, 7, 8)
    ]
    unreadable = await asyncio.to_thread(world.read, "router.unreadable", len(bad), own=False)
    here = [m for m in unreadable if dict(m.headers())["origin-topic"] == b"workspace.events"][-len(bad) :]
    assert [m.value() for m in here] == bad
    assert all({"origin-partition", "origin-offset", "reason"} <= dict(m.headers()).keys() for m in here)


async def test_a_sink_with_other_partitions_and_another_schema(world):
    sink = await world.subscribe("other", partitions=3, delivery_schema="CloudEventSchemaV1_0")
    await world.worker().ready()
    await world.publish(0, 300)
    messages = await asyncio.to_thread(world.read, sink, 300)
    by_key = collections.defaultdict(set)
    for message in messages:
        event = json.loads(message.value())
        assert (event["specversion"], event["data"]) == ("1.0", an_event()["data"])
        by_key[message.key()].add(message.partition())
    assert len(messages) == 300
    assert all(len(partitions) == 1 for partitions in by_key.values())
    assert len(set.union(*by_key.values())) == 3


async def test_a_topic_that_was_deleted_is_made_again_and_nothing_else_waits(world):
    gone, stays = await world.subscribe("gone"), await world.subscribe("stays")
    await world.worker().ready()
    await world.publish(0, 100)
    assert await world.ids(gone, 100) == world.expected(100)
    await delete_topic(world.bootstrap_servers, gone)

    async def is_gone():
        return gone not in await partition_counts(world.bootstrap_servers)

    await until(is_gone, seconds=60)
    await world.publish(100, 200)
    assert await world.ids(stays, 200) == world.expected(200)


@pytest.mark.slow
@pytest.mark.parametrize("guarantee", ["effectively_once", "at_least_once"])
async def test_a_worker_that_is_killed_again_and_again_loses_and_doubles_nothing(world, guarantee):
    sink, total = await world.subscribe("killed"), 20_000
    worker = await world.worker(guarantee=guarantee).ready()
    chance = random.Random(7)  # noqa: S311 (moments to kill at, no secret)
    for first in range(0, total, total // 4):
        await world.publish(first, first + total // 4)
        await asyncio.sleep(chance.uniform(0, 0.2))
        worker.kill()
        worker = world.worker(guarantee=guarantee)
    got = await world.ids(sink, total)
    if guarantee == "effectively_once":
        assert got == world.expected(total)
    else:
        assert got.keys() == world.expected(total).keys()
    await worker.ready()
    assert worker.terminate() == 0


@pytest.mark.slow
async def test_two_workers_share_the_partitions_and_hand_over_without_loss_or_doubles(world):
    sink, done = await world.subscribe("shared"), asyncio.Event()
    published = 0

    async def publish():
        nonlocal published
        while not done.is_set():
            await world.publish(published, published + 200)
            published += 200
            await asyncio.sleep(0.1)

    first = await world.worker("test-0").ready()
    publishing = asyncio.create_task(publish())
    second = await world.worker("test-1", **LEAVES).ready()
    await until(lambda: first.log.count("fanout.assigned") == 2, seconds=90)
    await asyncio.sleep(2)
    assert first.terminate() == 0
    await until(lambda: second.log.count("fanout.assigned") >= 2, seconds=90)
    await asyncio.sleep(1)
    done.set()
    await publishing
    assert await world.ids(sink, published) == world.expected(published)
    assert second.terminate() == 0


@pytest.mark.slow
async def test_a_worker_that_was_told_to_leave_hands_over_at_once(world):
    sink = await world.subscribe("scaled")
    first = await world.worker("test-0", **LEAVES).ready()
    second = await world.worker("test-1", **LEAVES).ready()
    await until(lambda: first.log.count("fanout.assigned") == 2, seconds=90)
    await world.publish(0, 500)
    assert await world.ids(sink, 500) == world.expected(500)
    assert first.terminate() == 0
    handed_over = second.log.count("fanout.assigned") + 1
    # Below the 30 s after which Kafka itself gives up a member.
    await until(lambda: world.members() == 1, seconds=20)
    await until(lambda: second.log.count("fanout.assigned") == handed_over, seconds=90)
    await world.publish(500, 1000)
    assert await world.ids(sink, 1000) == world.expected(1000)
    assert second.terminate() == 0
