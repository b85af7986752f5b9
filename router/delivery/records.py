"""The records that an attempt leaves behind: what happened, and what is still to be done."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, get_args

import orjson

from router.delivery.dead_letter import dead_letter_value
from router.delivery.probation import PROBATION
from router.delivery.settle import Done, GiveUp, Settlement, TryAgain
from router.events.conversion import headers_for, to_schema
from router.events.envelope import Envelope, form_of, read_envelope
from router.handlers.outcome import Delivered, Failed, Outcome, Rejected
from router.kafka.outbox import Addressed
from router.kafka.producer import Message
from topics.attempts import ATTEMPTS
from topics.dead_letters import DEAD_LETTERS, LastDeliveryOutcome
from topics.deliveries import Delivery
from topics.events import DeliverySchema, EventSchema
from topics.retries import retry_topic_for
from topics.subscriptions import subscription_key

_LAST_OUTCOMES: Final[dict[str, LastDeliveryOutcome]] = {name: name for name in get_args(LastDeliveryOutcome)}
_OUTCOME_NAMES: Final[dict[type[Outcome], str]] = {Delivered: "delivered", Failed: "failed", Rejected: "rejected"}


@dataclass(frozen=True, slots=True)
class Owed:
    """A delivery with its event read and in the schema of its subscription."""

    delivery: Delivery
    envelope: Envelope
    event: bytes
    schema: EventSchema
    sent: bytes
    """What the sink gets of it: all, but of an event of a custom schema what its publisher wrote (§2.4)."""


def read_owed(delivery: Delivery, schema: DeliverySchema | None) -> Owed:
    """Read the event of a delivery and convert it; no schema means as published.

    Raises:
        UnreadableEventError: it is no event, or cannot be converted.
    """
    envelope = read_envelope(delivery.event, delivery.event_headers)
    if schema == "CustomInputSchema":
        event = to_schema(delivery.event, delivery.event_headers, None)
        sent = to_schema(delivery.event, delivery.event_headers, schema)
        return Owed(delivery, envelope, event, envelope.schema, sent)
    event = to_schema(delivery.event, delivery.event_headers, schema, delivery.first_published)
    return Owed(delivery, envelope, event, schema or envelope.schema, event)


def records_of(owed: Owed, outcome: Outcome, settlement: Settlement, ended: datetime) -> list[Addressed]:
    """Return all that an attempt leaves: its own record, and a retry or a dead letter where one follows."""
    records = [(ATTEMPTS.name, _attempt(owed, outcome, ended))]
    match settlement:
        case Done():
            pass
        case TryAgain(again, wait):
            records.append((retry_topic_for(wait).name, _to(again)))
        case GiveUp():
            records.append(dead_letter(owed, settlement, ended))
    return records


def parked(delivery: Delivery, wait: timedelta, now: datetime, *, is_failing: bool = False) -> Addressed:
    """Return a delivery that waits without an attempt being counted.

    What was never attempted says when its endpoint is failing: whoever takes it next may be a process that has not
    heard of that.
    """
    last_outcome = delivery.last_outcome or (PROBATION if is_failing else None)
    return retry_topic_for(wait).name, _to(replace(delivery, due=now + wait, last_outcome=last_outcome))


def expired(delivery: Delivery) -> GiveUp:
    """Return why a delivery is given up whose time ran out while it waited."""
    # Without any attempt it has waited for its endpoint to become less busy.
    last_outcome = _LAST_OUTCOMES.get(delivery.last_outcome or "Busy", "GenericError")
    return GiveUp("TimeToLiveExceeded", delivery.attempt - 1, last_outcome)


def dead_letter(owed: Owed, given_up: GiveUp, last_attempt: datetime) -> Addressed:
    """Return the dead letter of a delivery; its headers are those with which it could be delivered again."""
    delivery = owed.delivery
    value = dead_letter_value(
        owed.event, owed.schema, given_up, published=delivery.first_published, last_attempt=last_attempt
    )
    form = form_of(delivery.event_headers)
    if owed.event is not delivery.event:
        headers = headers_for(delivery.event_headers, form, owed.schema)
        delivery = replace(delivery, event_headers=tuple(headers))
    delivery = replace(delivery, last_outcome=given_up.last_outcome)
    return DEAD_LETTERS.name, Message(subscription_key(delivery.subscription_id), value, delivery.headers())


def _to(delivery: Delivery) -> Message:
    return Message(subscription_key(delivery.subscription_id), delivery.event, delivery.headers())


def _attempt(owed: Owed, outcome: Outcome, ended: datetime) -> Message:
    """Write a `DeliveryAttempt` without pydantic, which would cost more than the rest of the record."""
    delivery, envelope = owed.delivery, owed.envelope
    value = orjson.dumps(
        {
            "delivery_id": delivery.delivery_id,
            "event_id": envelope.id,
            "event_type": envelope.type,
            "subscription": delivery.subscription_id,
            "attempt": delivery.attempt,
            "at": ended,
            "outcome": _OUTCOME_NAMES[type(outcome)],
            "status": outcome.status,
            "duration_ms": outcome.duration_ms,
            "detail": outcome.detail,
        },
        option=orjson.OPT_UTC_Z,
    )
    return Message(delivery.delivery_id.encode(), value)
