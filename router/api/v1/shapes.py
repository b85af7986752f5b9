"""The bodies of /v1, as design §10 fixes them; OpenAPI is made from these."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Outcome = Literal["delivered", "failed", "rejected"]
DeliveryState = Literal["written", "delivered", "pending", "dead_lettered"]


class Attempt(BaseModel):
    """One try at a delivery; `status` is null when there was no HTTP answer, `detail` the beginning of the answer."""

    model_config = ConfigDict(from_attributes=True)

    delivery_id: str
    event_id: str
    subscription: str
    attempt: int
    at: datetime
    outcome: Outcome
    status: int | None
    duration_ms: float
    detail: str


class Attempts(BaseModel):
    """A page of attempts, the newest first; `next` is the cursor of the following page."""

    attempts: list[Attempt]
    next: str | None


class EventDelivery(BaseModel):
    """What became of an event for one subscription."""

    subscription: str
    state: DeliveryState
    attempts: list[Attempt]


class Event(BaseModel):
    """An accepted event, and what became of it for everybody who wants it."""

    event: Any
    accepted_at: datetime
    deliveries: list[EventDelivery]


class Cause(BaseModel):
    """How many deliveries died alike; `cause` is `<who is at fault>/<status>/<message class>`."""

    model_config = ConfigDict(from_attributes=True)

    cause: str
    count: int
    oldest: datetime


class DeadLetter(BaseModel):
    """One delivery that was given up."""

    model_config = ConfigDict(from_attributes=True)

    delivery_id: str
    event_id: str
    subscription: str
    reason: str
    attempts: int
    last_outcome: str
    at: datetime


class DeadLetters(BaseModel):
    """The causes of all selected dead letters, and a page of these, the newest first."""

    causes: list[Cause]
    dead_letters: list[DeadLetter]
    next: str | None


class DeadLetterDetails(DeadLetter):
    """One dead letter with its event and its attempts."""

    cause: str
    event: Any
    delivery_attempts: list[Attempt]


class RedriveRequest(BaseModel):
    """Which dead letters to put back into delivery: those of which all that is given is true."""

    model_config = ConfigDict(extra="forbid")

    subscription: str | None = Field(None, description="Name or resource id.")
    cause: str | None = Field(None, description="As GET /v1/dead-letters gives it.")
    delivery_ids: list[str] | None = Field(None, max_length=1000)
    canary: bool = Field(default=True, description="First 1, then 10 %, then all, stopping when they fail again.")


class Redrive(BaseModel):
    """How far a redrive is; `skipped` are those whose subscription or record is gone."""

    id: str
    state: Literal["running", "completed", "stopped", "failed"]
    detail: str
    canary: bool
    total: int
    sent: int
    delivered: int
    failed: int
    skipped: int
    created_at: datetime
    ended_at: datetime | None
