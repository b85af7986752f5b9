"""Which deliveries go out in one request (§5.5), and that request. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from router.delivery.records import Owed
from router.delivery.standing import Deliver
from router.handlers import DeliveryRequest, batch_id, dynamic_headers
from router.kafka.work_queue import Work
from topics.events import EventSchema
from topics.subscriptions import PushSink

KILOBYTE: Final = 1024


@dataclass(frozen=True, slots=True)
class Member:
    """A delivery that takes part in a request, and the headers that its event asks for."""

    work: Work
    owed: Owed
    attributes: tuple[tuple[str, str], ...]


def member_of(work: Work, owed: Owed, sink: PushSink) -> Member:
    """Return a delivery as a member of a request."""
    return Member(work, owed, dynamic_headers(sink.delivery_attributes, owed.sent) if sink.delivery_attributes else ())


def room_beside(sink: PushSink, size: int) -> tuple[int, int]:
    """Return how many more events, and of how many bytes, fit into a request that holds one of `size` bytes.

    The number is never exceeded; the size is a target, so that an event above it goes alone.
    """
    return sink.max_events_per_batch - 1, sink.preferred_batch_size_kilobytes * KILOBYTE - size


def grouped(members: Iterable[Member]) -> list[list[Member]]:
    """Part members that cannot share a request: other schema, or other headers."""
    groups: defaultdict[tuple[EventSchema, tuple[tuple[str, str], ...]], list[Member]] = defaultdict(list)
    for member in members:
        groups[member.owed.schema, member.attributes].append(member)
    return list(groups.values())


def request_of(members: Sequence[Member], wanted: Deliver) -> DeliveryRequest:
    """Return the request for members of one group."""
    first = members[0].owed
    return DeliveryRequest(
        delivery_id=batch_id([member.owed.delivery.delivery_id for member in members]),
        subscription=wanted.subscription,
        sink=wanted.sink,
        attempt=max(member.owed.delivery.attempt for member in members),
        events=tuple(member.owed.sent for member in members),
        schema=first.schema,
        data_version=first.envelope.data_version or "",
        attributes=members[0].attributes,
    )
