"""The topics of the fan-out benchmark: a source that is loaded once, sinks that are new for each run, what they got."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka import Message as ConsumedMessage

from benchmarks.workspace_events import SUBJECTS, TYPES, WORKSPACE, event
from router.kafka.admin import admin_client, ensure_topics
from router.kafka.producer import KafkaProducer, Message
from topics import SUBSCRIBER_EVENTS, SUBSCRIPTIONS, WORKSPACE_EVENTS, Subscription, TopicSink
from topics.subscribers import subscriber_topic
from topics.subscriptions import Filter, subscription_key

PARTITIONS = range(WORKSPACE_EVENTS.partitions)
NEW_TOPIC_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Source:
    """The events that are there to be routed: the first offset of each partition, and the one behind its last."""

    first: dict[int, int]
    end: dict[int, int]

    def last(self, events: int) -> dict[int, int]:
        """Return where to begin for about so many events; every partition gives the same share of its own."""
        share = min(1.0, events / (sum(self.end.values()) - sum(self.first.values())))
        return {number: end - round((end - self.first[number]) * share) for number, end in self.end.items()}


def load(bootstrap: str, events: int) -> Source:
    """Write events to the source, partitioned by their subject as ingress does."""
    first = ends(bootstrap)
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "linger.ms": 20,
            "batch.size": 256 * 1024,
            "queue.buffering.max.messages": 1_000_000,
            "queue.buffering.max.kbytes": 1024 * 1024,
        }
    )
    for number in range(events):
        one = event(number)
        while True:
            try:
                producer.produce(WORKSPACE_EVENTS.name, one.value, one.key, headers=list(one.headers))
                break
            except BufferError:
                producer.poll(0.05)
        if number % 1_000 == 0:
            producer.poll(0)
    producer.flush()
    source = Source(first, ends(bootstrap))
    if sum(source.end.values()) - sum(first.values()) != events:
        raise RuntimeError(f"not all of {events} events were written")
    return source


def ends(bootstrap: str) -> dict[int, int]:
    """Return the offset behind the last record of each partition of the source."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "benchmark"})
    try:
        return {number: _end(consumer, TopicPartition(WORKSPACE_EVENTS.name, number)) for number in PARTITIONS}
    finally:
        consumer.close()


def _end(consumer: Consumer, partition: TopicPartition) -> int:
    deadline = time.monotonic() + NEW_TOPIC_SECONDS
    while True:
        try:
            return consumer.get_watermark_offsets(partition)[1]
        except KafkaException:  # a new topic has no leader yet
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


class Sinks:
    """The sinks of one run, and the router's subscriptions that name them."""

    def __init__(self, bootstrap: str, run: str, count: int, subjects: str = SUBJECTS) -> None:
        self._bootstrap, self._subjects = bootstrap, subjects
        self._names = [f"{run}-{number}" for number in range(count)]
        self.topics = [subscriber_topic(name) for name in self._names]

    async def make(self, producer: KafkaProducer) -> None:
        """Make topics and subscriptions; each wants all five types of a subject prefix."""
        await ensure_topics(self._bootstrap, [replace(SUBSCRIBER_EVENTS, name=name) for name in self.topics])
        await producer.send_all(SUBSCRIPTIONS.name, [_subscription(name, self._subjects) for name in self._names])

    async def remove(self, producer: KafkaProducer) -> None:
        """Delete subscriptions and topics."""
        await producer.send_all(
            SUBSCRIPTIONS.name, [Message(subscription_key(_resource(name)), None) for name in self._names]
        )
        async with admin_client(self._bootstrap) as client:
            await client.delete_topics(self.topics)

    def received(self) -> tuple[int, int]:
        """Read the sinks, committed records only; return how many events they have, and how many different ones."""
        records, keys = 0, {topic: set() for topic in self.topics}
        for message in committed(self._bootstrap, self.topics):
            records += 1
            keys[message.topic()].add(message.key())
        return records, sum(map(len, keys.values()))


def committed(bootstrap: str, topics: Iterable[str]) -> Iterator[ConsumedMessage]:
    """Yield every committed record of topics, to their ends as they are when they are reached."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "benchmark",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
        }
    )
    try:
        open_ones = [TopicPartition(topic, number, 0) for topic in topics for number in PARTITIONS]
        consumer.assign(open_ones)
        unread = len(open_ones)
        while unread:
            for message in consumer.consume(10_000, 0.2):
                if message.error() is None:
                    yield message
                elif message.error().code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 (the library's public constant)
                    unread -= 1
                else:
                    raise RuntimeError(message.error())
    finally:
        consumer.close()


def _resource(name: str) -> str:
    return f"{WORKSPACE}/providers/Microsoft.EventGrid/eventSubscriptions/{name}"


def _subscription(name: str, subjects: str) -> Message:
    now = datetime.now(UTC)
    record = Subscription(
        id=_resource(name),
        name=name,
        source=WORKSPACE,
        sink=TopicSink(name=name),
        filter=Filter(included_event_types=TYPES, subject_begins_with=subjects),
        created_at=now,
        updated_at=now,
    )
    return Message(subscription_key(record.id), record.encode())
