"""Handler: what carries an event to one kind of push sink; one file a handler."""

from dataclasses import dataclass
from typing import Protocol

from router.handlers.outcome import Outcome
from topics.events import EventSchema
from topics.subscriptions import WebhookSink


@dataclass(frozen=True, slots=True)
class DeliveryRequest:
    """One event for one endpoint, already in the delivery schema; `attempt` counts from 1."""

    delivery_id: str
    subscription_name: str
    sink: WebhookSink
    attempt: int
    event: bytes
    schema: EventSchema
    data_version: str


class Handler(Protocol):
    """Delivers; every way in which that can end is an outcome, so that it never raises."""

    async def deliver(self, request: DeliveryRequest) -> Outcome:
        """Make one attempt."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
