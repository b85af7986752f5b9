"""Rows of the history to test with."""

from datetime import datetime
from typing import Any

from router.history.rows import AttemptRow, DeadLetterRow, first_number_at, hash_of, microseconds
from tests.builders import NOON, WORKSPACE

ALERTS = f"{WORKSPACE}/providers/Microsoft.EventGrid/eventSubscriptions/alerts"
OTHER = f"{WORKSPACE}/providers/Microsoft.EventGrid/eventSubscriptions/other"


def an_attempted(delivery_id: str, *, at: datetime = NOON, event_id: str = "e-1", **fields: Any) -> AttemptRow:
    """An attempt that delivered."""
    moment = microseconds(at)
    given = {
        "number": first_number_at(moment) | hash_of(delivery_id) & 0xFFFFF,
        "delivery_id": delivery_id,
        "event_hash": hash_of(event_id),
        "event_id": event_id,
        "subscription": ALERTS,
        "attempt": 1,
        "at": moment,
        "outcome": "delivered",
        "status": 200,
        "duration_ms": 3.5,
        "detail": "",
    }
    return AttemptRow(**(given | fields))


def a_dead(delivery_id: str, *, at: datetime = NOON, event_id: str = "e-1", **fields: Any) -> DeadLetterRow:
    """A dead letter."""
    given = {
        "delivery_id": delivery_id,
        "event_hash": hash_of(event_id),
        "event_id": event_id,
        "subscription": ALERTS,
        "reason": "MaxDeliveryAttemptsExceeded",
        "attempts": 1,
        "last_outcome": "Busy",
        "at": microseconds(at),
        "cause": "endpoint/none/busy",
        "partition": 0,
        "record_offset": 0,
    }
    return DeadLetterRow(**(given | fields))
