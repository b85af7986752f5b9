"""router.attempts: one record for each try at a delivery."""

from datetime import datetime, timedelta
from typing import Literal

from topics.record import Record
from topics.topic import Topic

ATTEMPTS = Topic(
    name="router.attempts",
    key="delivery id",
    value="DeliveryAttempt",
    partitions=4,
    cleanup="delete",
    retention=timedelta(days=7),
    written_by=("delivery",),
    read_by=("history",),
)


class DeliveryAttempt(Record):
    """One try: when, how it ended, how long it took (milliseconds) and what the endpoint said."""

    delivery_id: str
    event_id: str
    event_type: str
    subscription: str
    attempt: int
    at: datetime
    outcome: Literal["delivered", "failed", "rejected"]
    status: int | None
    duration_ms: float
    detail: str
