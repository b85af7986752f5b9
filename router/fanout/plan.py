"""The pure half of fan-out: records in, and for each sink the records that it gets."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b

from router.events.conversion import headers_for, to_schema
from router.events.envelope import (
    Envelope,
    Headers,
    UnreadableEventError,
    form_of,
)
from router.fanout.reading import LARGEST_VALUE, Reader, SourceRecord
from router.kafka.partitioning import partition_of
from router.kafka.record_batches import Destination, OutRecord
from router.kafka.verbatim import VerbatimRecord
from router.subscriptions.view import Route
from topics.deliveries import ATTEMPT, DELIVERIES, DELIVERY_ID, FIRST_PUBLISHED, OWN_HEADERS, SUBSCRIPTION
from topics.subscriptions import subscription_key
from topics.unreadable import UNREADABLE, unreadable_headers


@dataclass(slots=True)
class Plan:
    """What one batch of records becomes, and what there is to count."""

    outputs: dict[Destination, list[OutRecord]] = field(default_factory=lambda: defaultdict(list))
    matched: Counter[str] = field(default_factory=Counter)
    events: int = 0
    unmatched: int = 0
    unreadable: int = 0


def plan_batch(records: Sequence[SourceRecord], reader: Reader, partitions: Mapping[str, int]) -> Plan:
    """Decide what a batch of one partition becomes.

    `partitions` has the number of partitions of the source's topic and of each sink's; a reader that is kept knows how
    the next event can be read at once.
    """
    plan = Plan(events=len(records))
    sinks = _UnchangedSinks(plan, partitions)
    lists, names = sinks.lists, sinks.names
    # One event after the other from its bytes to its sinks: what is made for it is still in the processor's cache.
    for record in records:
        try:
            envelope, targets = reader.route(record)
        except UnreadableEventError as problem:
            _set_aside(plan, record, str(problem))
            continue
        if not targets:
            plan.unmatched += 1
            continue
        unchanged = _unchanged(record)
        others: list[Route] = []
        for route in targets:
            if route.schema is not None and route.schema != envelope.schema:
                others.append(route)
                continue
            topic = route.topic
            kept = lists[topic] if topic in lists else sinks.of(topic, record)
            if kept is None:
                others.append(route)
            else:
                kept.append(unchanged)
                names.append(route.name)
        if others:
            _write(plan, record, envelope, others, partitions)
    plan.matched.update(names)  # one count of many is cheaper than many of one
    return plan


class _UnchangedSinks:
    """Topic sinks that get the record as it is, in the partition that it came from: nearly all of them."""

    def __init__(self, plan: Plan, partitions: Mapping[str, int]) -> None:
        self._plan = plan
        self._partitions = partitions
        self.lists: dict[str | None, list[OutRecord] | None] = {}
        """What is written, by topic, as thousands of subscriptions may share one; None: it cannot be written so."""
        self.names: list[str] = []
        """Of the subscriptions that got something, as often as they did."""

    def of(self, topic: str | None, record: SourceRecord) -> list[OutRecord] | None:
        """Return the list of a topic that was not met before."""
        if topic is None or self._partitions[topic] != self._partitions[record.topic]:
            self.lists[topic] = None
        else:
            self.lists[topic] = self._plan.outputs[topic, record.partition]
        return self.lists[topic]


def _write(
    plan: Plan, record: SourceRecord, envelope: Envelope, targets: Sequence[Route], partitions: Mapping[str, int]
) -> None:
    written: list[tuple[Destination, OutRecord]] = []
    headers: Headers | None = None
    try:
        for route in targets:
            if route.topic is None:
                headers = record.headers if headers is None else headers  # taken out once for all
                written.append(_delivery(record, headers, route, partitions))
            else:
                partition = _sink_partition(record, partitions[route.topic], partitions[record.topic])
                written.append(((route.topic, partition), _for_topic(record, envelope, route)))
    except UnreadableEventError as problem:
        # Data that is not what its content type says cannot be converted; sinks that take it as it is have it.
        _set_aside(plan, record, str(problem))
        return
    for route, (destination, out) in zip(targets, written, strict=True):
        plan.outputs[destination].append(out)
        plan.matched[route.name] += 1


def _sink_partition(record: SourceRecord, count: int, source_count: int) -> int:
    if count == source_count:
        return record.partition
    return record.partition % count if record.key is None else partition_of(record.key, count)


def _unchanged(record: SourceRecord) -> OutRecord:
    """Return a record as it goes on when nothing of it is to be changed: as the bytes that it is, if it is kept so."""
    if isinstance(record, VerbatimRecord):
        return record
    return _time_of(record), record.key, record.value, record.headers


def _time_of(record: SourceRecord) -> int | None:
    return record.timestamp if record.timestamp >= 0 else None


def _for_topic(record: SourceRecord, envelope: Envelope, route: Route) -> OutRecord:
    if route.schema is None or route.schema == envelope.schema:
        return _unchanged(record)
    value = to_schema(record.value or b"", record.headers, route.schema, _moment(record.timestamp))
    return _time_of(record), record.key, value, headers_for(record.headers, form_of(record.headers), route.schema)


def _delivery(
    record: SourceRecord, given: Headers, route: Route, partitions: Mapping[str, int]
) -> tuple[Destination, OutRecord]:
    key = subscription_key(route.subscription_id)
    published = b"%d" % max(record.timestamp, 0)
    headers = [header for header in given if header[0] not in OWN_HEADERS]
    headers += (
        (DELIVERY_ID, delivery_id(key, record).encode()),
        (SUBSCRIPTION, route.subscription_id.encode()),
        (ATTEMPT, b"1"),
        (FIRST_PUBLISHED, published),
    )
    count = partitions.get(DELIVERIES.name, DELIVERIES.partitions)  # operators may have added some
    return (DELIVERIES.name, partition_of(key, count)), (None, key, record.value, headers)


def delivery_id(key: bytes, record: SourceRecord) -> str:
    """Return the delivery's id: the same whenever this record is fanned out to this subscription.

    The timestamp keeps ids apart when a topic is deleted and made anew.
    """
    subscription = blake2b(key, digest_size=8).hexdigest()
    return f"{subscription}-{record.partition}-{record.offset}-{max(record.timestamp, 0):x}"


def _set_aside(plan: Plan, record: SourceRecord, reason: str) -> None:
    plan.unreadable += 1
    value = record.value if record.value is None else record.value[:LARGEST_VALUE]
    headers = unreadable_headers(record.topic, record.partition, record.offset, reason)
    plan.outputs[UNREADABLE.name, 0].append((None, record.key, value, headers))


def _moment(timestamp: int) -> datetime:
    return datetime.fromtimestamp(max(timestamp, 0) / 1000, UTC)
