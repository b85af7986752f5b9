"""Handler: what carries events to one kind of push sink; one file a handler."""

from dataclasses import dataclass
from typing import Protocol

from router.handlers.outcome import Outcome
from topics.events import EventSchema
from topics.subscriptions import PushSink, Subscription


@dataclass(frozen=True, slots=True)
class DeliveryRequest:
    """Events for one sink, already in the delivery schema: one, or the members of a batch (§5.5).

    `attempt` counts from 1 and is the highest of a batch; `attributes` are the headers that come from the events.
    """

    delivery_id: str
    subscription: Subscription
    sink: PushSink
    attempt: int
    events: tuple[bytes, ...]
    schema: EventSchema
    data_version: str
    attributes: tuple[tuple[str, str], ...] = ()


class Handler(Protocol):
    """Delivers; every way in which that can end is an outcome, so that it never raises."""

    async def deliver(self, request: DeliveryRequest) -> Outcome:
        """Make one attempt."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
