"""How a redrive goes on: first one delivery, then a tenth, then all, stopping when they fail again. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

PATIENCE: Final = timedelta(minutes=2)
"""How long the outcomes of a step are waited for; a first attempt takes 30 s at most, but its lane may be full."""
TENTH: Final = 10

State = Literal["running", "completed", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a redrive is. `skipped` are those that cannot be delivered any more; they are among the `sent`."""

    total: int
    sent: int = 0
    skipped: int = 0
    delivered: int = 0
    failed: int = 0
    canary: bool = True

    @property
    def waiting(self) -> int:
        """How many were sent and have no outcome yet."""
        return self.sent - self.skipped - self.delivered - self.failed


@dataclass(frozen=True, slots=True)
class Send:
    """The next `count` deliveries are to be sent."""

    count: int


@dataclass(frozen=True, slots=True)
class Wait:
    """Outcomes are waited for."""


@dataclass(frozen=True, slots=True)
class Finish:
    """It is over, and why."""

    state: State
    detail: str


Step = Send | Wait | Finish


def next_step(standing: Standing, step_began: datetime, now: datetime) -> Step:
    """Say what follows for a redrive whose last step began at `step_began`."""
    all_sent = standing.sent >= standing.total
    if standing.canary and standing.failed and not all_sent:
        return Finish("stopped", f"{standing.failed} of {standing.sent} failed again; the others were not sent")
    if standing.waiting:
        if now - step_began < PATIENCE:
            return Wait()
        if standing.canary and not all_sent:
            return Finish(
                "stopped", f"{standing.waiting} of {standing.sent} have no outcome yet; the others were not sent"
            )
    if all_sent:
        return Finish("completed", _summary(standing))
    return Send(_size(standing))


def _size(standing: Standing) -> int:
    rest = standing.total - standing.sent
    if not standing.canary:
        return rest
    tried = standing.sent - standing.skipped
    if tried == 0:
        return 1
    tenth = -(-standing.total // TENTH)
    return tenth - standing.sent if standing.sent < tenth else rest


def _summary(standing: Standing) -> str:
    parts = [f"{standing.delivered} of {standing.total} delivered"]
    for count, words in (
        (standing.failed, "failed again: tried on by the retry schedule, or dead letters once more"),
        (standing.waiting, "have no outcome yet"),
        (standing.skipped, "cannot be delivered any more"),
    ):
        if count:
            parts.append(f"{count} {words}")
    return ", ".join(parts)
