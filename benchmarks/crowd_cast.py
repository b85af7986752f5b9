"""Who subscribes in the crowd benchmark, what they want, and what a run must have written to their topics."""

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from aiokafka.errors import KafkaError

from benchmarks.fanout_topics import Source, committed, ends
from benchmarks.matching_banks import Bank, as_bytes, events, filter_of
from benchmarks.workspace_events import SUBJECTS, TYPES, WORKSPACE
from router.errors import RefusedError
from router.events.envelope import read_envelope
from router.filters.clauses import clauses_of
from router.filters.index import Index
from router.kafka.admin import admin_client, ensure_topics
from router.kafka.producer import KafkaProducer, Message
from topics import SUBSCRIBER_EVENTS, SUBSCRIPTIONS, WORKSPACE_EVENTS, Subscription, TopicSink
from topics.subscribers import subscriber_topic
from topics.subscriptions import Filter, subscription_key

CROWD: Final = 10_000
CHUNK: Final = 5_000
HEADERS: Final = {"ce_id": "id", "ce_type": "eventType", "ce_source": "topic", "ce_subject": "subject"}


async def load(bootstrap: str, producer: KafkaProducer, count: int) -> Source:
    """Write the events of the bank, over and over, as ingress writes them: all of one workspace, ids their numbers."""
    first, stream = ends(bootstrap), events()
    for start in range(0, count, CHUNK):
        numbers = range(start, min(count, start + CHUNK))
        chunk = [stream[n % len(stream)] | {"id": str(n), "topic": WORKSPACE} for n in numbers]
        await producer.send_all(WORKSPACE_EVENTS.name, map(_message, chunk))
    return Source(first, ends(bootstrap))


def _message(body: dict[str, Any]) -> Message:
    headers = [("content-type", b"application/json; charset=utf-8")]
    headers += [(name, body[member].encode()) for name, member in HEADERS.items()]
    return Message(body["subject"].encode(), as_bytes(body), headers)


def crowd_of(bank: Bank, size: int) -> "Crowd":
    """Return the first subscriptions of a bank, with how many of them want each event."""
    return Crowd(bank, size, _wanted_by(bank, size))


def _wanted_by(bank: Bank, size: int) -> list[int]:
    """`benchmarks matching` checks the engine; here its total must be that of the bank's definition."""
    index: Index[int] = Index()
    for number, rule in enumerate(bank.rules[CROWD][:size]):
        index.add(number, clauses_of(filter_of(rule)), number)
    snapshot, bodies = index.snapshot(), [as_bytes(event) for event in events()]
    counts = [len(snapshot.match_one(read_envelope(body, []), body)) for body in bodies]
    if size == CROWD and sum(counts) != bank.totals[CROWD]:
        raise RuntimeError(f"{sum(counts)} matches where {bank.totals[CROWD]} were expected")
    return counts


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many subscriptions of a bank, and how many of them want each event."""

    bank: Bank
    size: int
    wanted: list[int]


@dataclass(frozen=True, slots=True)
class Cast:
    """The subscriptions of one run, with topics of their own: the few, and perhaps the crowd."""

    bootstrap: str
    run: str
    few: int
    crowd: Crowd | None

    @property
    def topics(self) -> list[str]:
        """The topics of the few; each wants every event."""
        return [subscriber_topic(f"{self.run}-{number}") for number in range(self.few)]

    @property
    def crowd_topic(self) -> str:
        """The topic of the crowd."""
        return subscriber_topic(f"{self.run}-crowd")

    async def make(self, producer: KafkaProducer) -> None:
        """Make the topics, and these subscriptions the only ones."""
        names = [*self.topics, self.crowd_topic]
        await ensure_topics(self.bootstrap, [replace(SUBSCRIBER_EVENTS, name=name) for name in names])
        await _make_anew(self.bootstrap)
        await producer.send_all(SUBSCRIPTIONS.name, self._records())

    async def remove(self, _producer: KafkaProducer) -> None:
        """Delete the topics."""
        async with admin_client(self.bootstrap) as client:
            await client.delete_topics([*self.topics, self.crowd_topic])

    def received(self) -> tuple[int, int]:
        """Read what the few got: how many records, and how many different ones of each.

        Raises:
            RuntimeError: the crowd did not get just what it wants of these events.
        """
        got = {topic: list(_ids(self.bootstrap, topic)) for topic in self.topics}
        if self.crowd is not None:
            wanted, seen = self.crowd.wanted, Counter(_ids(self.bootstrap, self.crowd_topic))
            routed = {number for ids in got.values() for number in ids}
            owed = {number: count for number in routed if (count := wanted[number % len(wanted)])}
            if seen != owed:
                raise RuntimeError(f"the crowd got {seen.total()} records where {sum(owed.values())} are owed")
        return sum(map(len, got.values())), sum(len(set(ids)) for ids in got.values())

    def _records(self) -> Iterator[Message]:
        everything = Filter(included_event_types=TYPES, subject_begins_with=SUBJECTS)
        for number in range(self.few):
            yield _subscription(f"few{number}", everything, f"{self.run}-{number}")
        for number, rule in enumerate(self.crowd.bank.rules[CROWD][: self.crowd.size] if self.crowd else ()):
            yield _subscription(f"crowd{number}", filter_of(rule), f"{self.run}-crowd")


def _subscription(name: str, wanted: Filter, sink: str) -> Message:
    now = datetime.now(UTC)
    record = Subscription(
        id=f"{WORKSPACE}/providers/Microsoft.EventGrid/eventSubscriptions/{name}",
        name=name,
        source=WORKSPACE,
        sink=TopicSink(name=sink),
        filter=wanted,
        created_at=now,
        updated_at=now,
    )
    return Message(subscription_key(record.id), record.encode())


async def _make_anew(bootstrap: str) -> None:
    """Empty the subscriptions: nobody shall read ten thousand that another run has had and deleted."""
    async with admin_client(bootstrap) as client:
        if SUBSCRIPTIONS.name in await client.list_topics():
            await client.delete_topics([SUBSCRIPTIONS.name])
    made: Sequence[str] = ()
    while SUBSCRIPTIONS.name not in made:
        try:
            made = await ensure_topics(bootstrap, [SUBSCRIPTIONS])
        except (RefusedError, KafkaError):
            await asyncio.sleep(0.1)  # it is still being deleted


def _ids(bootstrap: str, topic: str) -> Iterator[int]:
    """Yield the id of every committed record of a topic."""
    return (int(dict(message.headers())["ce_id"]) for message in committed(bootstrap, [topic]))
