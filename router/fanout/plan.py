"""The pure half of fan-out: records in, and for each sink the records that it gets."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import NamedTuple, Protocol

from router.events.conversion import headers_for, to_schema
from router.events.envelope import Envelope, Headers, UnreadableEventError, form_of, origin_of, read_envelope
from router.kafka.partitioning import partition_of
from router.kafka.record_batches import Destination, OutRecord
from router.subscriptions.view import Route, Routes
from topics.deliveries import ATTEMPT, DELIVERIES, DELIVERY_ID, FIRST_PUBLISHED, OWN_HEADERS, SUBSCRIPTION
from topics.subscriptions import subscription_key
from topics.topic import MAX_MESSAGE_BYTES
from topics.unreadable import UNREADABLE, unreadable_headers

_LARGEST_VALUE = MAX_MESSAGE_BYTES - 64 * 1024
"""Leaves room for key, headers and batch: what is larger would be refused by the sink, and stop the partition."""


class SourceRecord(Protocol):
    """What fan-out looks at of a record; aiokafka's ConsumerRecord has it all."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(slots=True)
class Plan:
    """What one batch of records becomes, and what there is to count."""

    outputs: dict[Destination, list[OutRecord]] = field(default_factory=lambda: defaultdict(list))
    matched: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    events: int = 0
    unmatched: int = 0
    unreadable: int = 0


class _Readable(NamedTuple):
    record: SourceRecord
    envelope: Envelope


def plan_batch(records: Sequence[SourceRecord], routes: Routes, partitions: Mapping[str, int]) -> Plan:
    """Decide what a batch becomes; `partitions` has the number of partitions of each sink's topic and of the source."""
    plan = Plan(events=len(records))
    readable: list[_Readable] = []
    by_origin: dict[str, list[int]] = {}
    for record in records:
        try:
            if record.value is not None and len(record.value) > _LARGEST_VALUE:
                raise UnreadableEventError(f"the value has more than {_LARGEST_VALUE} bytes")  # noqa: TRY301
            envelope = read_envelope(record.value, record.headers)
        except UnreadableEventError as problem:
            _set_aside(plan, record, str(problem))
            continue
        by_origin.setdefault(origin_of(envelope, record.headers), []).append(len(readable))
        readable.append(_Readable(record, envelope))
    wanted = _match(readable, by_origin, routes)
    for (record, envelope), targets in zip(readable, wanted, strict=True):
        if targets:
            _write(plan, record, envelope, targets, partitions)
        else:
            plan.unmatched += 1
    return plan


def _match(
    readable: Sequence[_Readable], by_origin: Mapping[str, Sequence[int]], routes: Routes
) -> list[Sequence[Route]]:
    wanted: list[Sequence[Route]] = [()] * len(readable)
    for origin, places in by_origin.items():
        filters = routes.of(origin)
        if filters is not None:
            matches = filters.match([readable[place].envelope for place in places])
            for place, targets in zip(places, matches, strict=True):
                wanted[place] = targets
    return wanted


def _write(
    plan: Plan, record: SourceRecord, envelope: Envelope, targets: Sequence[Route], partitions: Mapping[str, int]
) -> None:
    written: list[tuple[Destination, OutRecord]] = []
    try:
        for route in targets:
            if route.topic is None:
                written.append(_delivery(record, route))
            else:
                partition = _sink_partition(record, partitions[route.topic], partitions[record.topic])
                written.append(((route.topic, partition), _for_topic(record, envelope, route)))
    except UnreadableEventError as problem:
        # Data that is not what its content type says: no sink gets it, so that all agree.
        _set_aside(plan, record, str(problem))
        return
    for route, (destination, out) in zip(targets, written, strict=True):
        plan.outputs[destination].append(out)
        plan.matched[route.name] += 1


def _sink_partition(record: SourceRecord, count: int, source_count: int) -> int:
    if count == source_count:
        return record.partition
    return record.partition % count if record.key is None else partition_of(record.key, count)


def _for_topic(record: SourceRecord, envelope: Envelope, route: Route) -> OutRecord:
    timestamp = record.timestamp if record.timestamp >= 0 else None
    if route.schema is None or route.schema == envelope.schema:
        return timestamp, record.key, record.value, record.headers
    value = to_schema(record.value or b"", record.headers, route.schema, _moment(record.timestamp))
    return timestamp, record.key, value, headers_for(record.headers, form_of(record.headers), route.schema)


def _delivery(record: SourceRecord, route: Route) -> tuple[Destination, OutRecord]:
    key = subscription_key(route.subscription_id)
    published = b"%d" % max(record.timestamp, 0)
    headers = [header for header in record.headers if header[0] not in OWN_HEADERS]
    headers += (
        (DELIVERY_ID, delivery_id(key, record).encode()),
        (SUBSCRIPTION, route.subscription_id.encode()),
        (ATTEMPT, b"1"),
        (FIRST_PUBLISHED, published),
    )
    return (DELIVERIES.name, partition_of(key, DELIVERIES.partitions)), (None, key, record.value, headers)


def delivery_id(key: bytes, record: SourceRecord) -> str:
    """Return the delivery's id: the same whenever this record is fanned out to this subscription.

    The timestamp keeps ids apart when a topic is deleted and made anew.
    """
    subscription = blake2b(key, digest_size=8).hexdigest()
    return f"{subscription}-{record.partition}-{record.offset}-{max(record.timestamp, 0):x}"


def _set_aside(plan: Plan, record: SourceRecord, reason: str) -> None:
    plan.unreadable += 1
    value = record.value if record.value is None else record.value[:_LARGEST_VALUE]
    headers = unreadable_headers(record.topic, record.partition, record.offset, reason)
    plan.outputs[UNREADABLE.name, 0].append((None, record.key, value, headers))


def _moment(timestamp: int) -> datetime:
    return datetime.fromtimestamp(max(timestamp, 0) / 1000, UTC)
