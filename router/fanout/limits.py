"""What the topics of sinks take: one that somebody else has made may take less than an event has.

Kafka refuses what is larger, again and again, and with it everything in its transaction. So it is put aside, and the
other sinks have it. What may be too large is planned by itself, the rest in parts that fit.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from router.events.envelope import Headers
from router.fanout.plan import Plan
from router.kafka.record_batches import BATCH_BYTES, OutRecord
from topics.unreadable import UNREADABLE, unreadable_headers

_BATCH_BYTES = 61
"""The header of a batch."""
_RECORD_BYTES = 40
"""What a record has beside its key, value and headers, at most."""
_HEADER_BYTES = 10
"""What a header has beside its name and value, at most."""


_CONVERSION_BYTES = 8 * 1024
"""What an event may grow by in another schema."""
_USUAL_CONVERSION_BYTES = 1024


class Placed(Protocol):
    """A record of the source, and where it stands."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def parts(records: Sequence[Placed], limits: Mapping[str, int]) -> Iterator[Sequence[Placed]]:
    """Split records, so that those which may be too large for a topic are alone, and the others fit in one batch."""
    least = min(limits.values(), default=None)
    if least is None:
        yield records
        return
    fits = least - _CONVERSION_BYTES
    part: list[Placed] = []
    room = fits
    for record in records:
        size = _size_of(record.key, record.value, record.headers) + _USUAL_CONVERSION_BYTES
        if part and (size > fits or (size > room and least < BATCH_BYTES)):
            yield part
            part, room = [], fits
        part.append(record)
        room -= size
        if size > fits:
            yield part
            part, room = [], fits
    if part:
        yield part


def put_aside_what_is_too_large(plan: Plan, record: Placed, limits: Mapping[str, int]) -> None:
    """Take out of the plan of one record what topics do not take; `limits` has the bytes of those that take less."""
    for destination in [one for one in plan.outputs if one[0] in limits and one[0] != UNREADABLE.name]:
        topic, limit = destination[0], limits[destination[0]]
        if all(_size(out) <= limit for out in plan.outputs[destination]):
            continue
        del plan.outputs[destination]
        reason = f"larger than the {limit} bytes that topic {topic} takes"
        headers = unreadable_headers(record.topic, record.partition, record.offset, reason)
        plan.outputs[UNREADABLE.name, 0].append((None, record.key, record.value, [*record.headers, *headers]))
        plan.unreadable += 1


def _size(out: OutRecord) -> int:
    """Return how many bytes a record has at most in a batch of its own."""
    return _size_of(*(out[1:] if isinstance(out, tuple) else (out.key, out.value, out.headers)))


def _size_of(key: bytes | None, value: bytes | None, headers: Headers) -> int:
    named = sum(_HEADER_BYTES + len(name.encode()) + len(content or b"") for name, content in headers)
    return _BATCH_BYTES + _RECORD_BYTES + len(key or b"") + len(value or b"") + named
