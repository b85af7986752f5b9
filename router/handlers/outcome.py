"""Outcome: how one delivery attempt ended. Values, not exceptions; the type checker proves that each is handled."""

from dataclasses import dataclass
from datetime import timedelta

from topics.dead_letters import LastDeliveryOutcome


@dataclass(frozen=True, slots=True)
class Delivered:
    """The endpoint took the event."""

    status: int
    duration_ms: float
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """It did not work out this time; trying again may help. `retry_after` is what the endpoint asked for."""

    status: int | None
    last_outcome: LastDeliveryOutcome
    duration_ms: float
    detail: str = ""
    retry_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """The endpoint refuses the event for good; trying again cannot help (§5.2)."""

    status: int
    last_outcome: LastDeliveryOutcome
    duration_ms: float
    detail: str = ""


Outcome = Delivered | Failed | Rejected
