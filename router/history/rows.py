"""From records of the three topics to rows of the history. Pure; a record that cannot be read gives None."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, NamedTuple, Protocol
from zlib import crc32

import msgspec

from router.events.envelope import UnreadableEventError, read_envelope
from router.history.causes import cause_of
from router.history.redaction import redact
from topics.deliveries import Delivery
from topics.events import CE_ID

_LATEST_MILLISECONDS: Final = 1 << 42
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class SourceRecord(Protocol):
    """What is looked at of a Kafka record."""

    @property
    def partition(self) -> int:
        """Of the topic."""
        ...

    @property
    def offset(self) -> int:
        """In the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """In milliseconds."""
        ...

    @property
    def value(self) -> bytes | None:
        """The body."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """As they were written."""
        ...


class AttemptRow(NamedTuple):
    """One try at a delivery; `at` in microseconds since 1970."""

    number: int
    delivery_id: str
    event_hash: int
    event_id: str
    subscription: str
    attempt: int
    at: int
    outcome: str
    status: int | None
    duration_ms: float
    detail: str


class DeadLetterRow(NamedTuple):
    """One delivery that was given up, and where its record stands."""

    delivery_id: str
    event_hash: int
    event_id: str
    subscription: str
    reason: str
    attempts: int
    last_outcome: str
    at: int
    cause: str
    partition: int
    record_offset: int


class EventRow(NamedTuple):
    """Where an accepted event stands; its id only as a hash, as the record has it in full. `at` in milliseconds."""

    hash: int
    partition: int
    record_offset: int
    at: int


_Count = Annotated[int, msgspec.Meta(ge=0, le=1 << 31)]
"""SQLite has no larger integers than 64 bits; one that it cannot hold would stop the history for good."""


class _Attempt(msgspec.Struct, gc=False):
    delivery_id: str
    event_id: str
    subscription: str
    attempt: _Count
    at: datetime
    outcome: str
    duration_ms: float
    status: _Count | None = None
    detail: str = ""


class _DeadLetter(msgspec.Struct, gc=False, rename="camel"):
    id: str
    dead_letter_reason: str
    delivery_attempts: _Count
    last_delivery_outcome: str
    last_delivery_attempt_time: datetime


class _DeadCloudEvent(msgspec.Struct, gc=False):
    id: str
    deadletterreason: str
    deliveryattempts: _Count
    lastdeliveryoutcome: str
    lastdeliveryattempttime: datetime


_attempt = msgspec.json.Decoder(_Attempt).decode
_dead_letter = msgspec.json.Decoder(_DeadLetter).decode
_dead_cloud_event = msgspec.json.Decoder(_DeadCloudEvent).decode


def hash_of(event_id: str) -> int:
    """Return the number under which an event's id is filed; who finds it compares the id itself, too."""
    return crc32(event_id.encode())


def attempt_row(record: SourceRecord) -> AttemptRow | None:
    """Return the row of a record of router.attempts."""
    try:
        read = _attempt(record.value or b"")
    except msgspec.DecodeError:
        return None
    at = microseconds(read.at)
    return AttemptRow(
        number=_number(at, record),
        delivery_id=read.delivery_id,
        event_hash=hash_of(read.event_id),
        event_id=read.event_id,
        subscription=read.subscription,
        attempt=read.attempt,
        at=at,
        outcome=read.outcome,
        status=read.status,
        duration_ms=read.duration_ms,
        detail=redact(read.detail),
    )


def dead_letter_row(record: SourceRecord) -> DeadLetterRow | None:
    """Return the row of a record of router.dead-letters; its cause is refined once the last attempt is known."""
    value = record.value or b""
    try:
        delivery = Delivery.from_record(value, record.headers)
        died = dead_letter_of(value)
    except (ValueError, msgspec.DecodeError):
        return None
    return DeadLetterRow(
        delivery_id=delivery.delivery_id,
        event_hash=hash_of(died.id),
        event_id=died.id,
        subscription=delivery.subscription_id,
        reason=died.dead_letter_reason,
        attempts=died.delivery_attempts,
        last_outcome=died.last_delivery_outcome,
        at=microseconds(died.last_delivery_attempt_time),
        cause=cause_of(died.last_delivery_outcome, None, ""),
        partition=record.partition,
        record_offset=record.offset,
    )


def event_row(record: SourceRecord) -> EventRow | None:
    """Return the row of a record of workspace.events."""
    for name, value in record.headers:
        if name == CE_ID and value is not None:
            return EventRow(crc32(value), record.partition, record.offset, record.timestamp)
    try:
        event_id = read_envelope(record.value, record.headers).id
    except UnreadableEventError:
        return None
    return EventRow(hash_of(event_id), record.partition, record.offset, record.timestamp)


def dead_letter_of(value: bytes) -> _DeadLetter:
    """Read why an event died, in either schema; raises msgspec.DecodeError when it does not say."""
    try:
        return _dead_letter(value)
    except msgspec.ValidationError:
        cloud = _dead_cloud_event(value)
        return _DeadLetter(
            cloud.id,
            cloud.deadletterreason,
            cloud.deliveryattempts,
            cloud.lastdeliveryoutcome,
            cloud.lastdeliveryattempttime,
        )


def microseconds(moment: datetime) -> int:
    """Return a moment as microseconds since 1970."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    age = moment - _EPOCH
    return (age.days * 86_400 + age.seconds) * 1_000_000 + age.microseconds


def first_number_at(at: int) -> int:
    """Return the smallest number that an attempt of that time or later has."""
    return min(max(at // 1000, 0), _LATEST_MILLISECONDS) << 20


def _number(at: int, record: SourceRecord) -> int:
    # In the order of time, and the same whenever the record is read again.
    return first_number_at(at) | (record.partition & 0x3F) << 14 | record.offset & 0x3FFF
