"""What the topics of sinks take: one that somebody else has made may take less than an event has.

Kafka refuses what is larger, again and again, and with it everything in its transaction. So it is put aside, and the
other sinks have it. While there is such a topic records are written one at a time: a batch would be larger still.
"""

from collections.abc import Mapping
from typing import Protocol

from router.events.envelope import Headers
from router.fanout.plan import Plan
from router.kafka.record_batches import OutRecord
from topics.unreadable import UNREADABLE, unreadable_headers

_BATCH_BYTES = 61
"""The header of a batch."""
_RECORD_BYTES = 40
"""What a record has beside its key, value and headers, at most."""
_HEADER_BYTES = 10
"""What a header has beside its name and value, at most."""


class Placed(Protocol):
    """A record of the source, and where it stands."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers


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
    key, value, headers = out[1:] if isinstance(out, tuple) else (out.key, out.value, out.headers)
    named = sum(_HEADER_BYTES + len(name.encode()) + len(content or b"") for name, content in headers)
    return _BATCH_BYTES + _RECORD_BYTES + len(key or b"") + len(value or b"") + named
