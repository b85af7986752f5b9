"""How an endpoint has been doing, and what that means for its next delivery (§5.4). Pure; times are in seconds.

After `FAILING_AFTER` failures in a row it is on probation; then one delivery goes first, whose success opens the lane.
"""

from dataclasses import dataclass
from typing import Final, Literal

from router.delivery.retry_policy import LONGEST_RETRY_AFTER
from router.handlers import status
from router.handlers.outcome import Delivered, Failed, Outcome, Rejected
from topics.dead_letters import LastDeliveryOutcome

FAILING_AFTER: Final = 10
"""So many failures in a row put an endpoint on probation."""

_SHORT: Final = 10.0
_MINUTES_5: Final = 300.0
PROBATION_SECONDS: Final[dict[LastDeliveryOutcome, float]] = {
    "Busy": _SHORT,
    "TimedOut": _SHORT,
    "SocketError": 30.0,
    "NotFound": _MINUTES_5,
    "ResolutionError": _MINUTES_5,
    "Unauthorized": _MINUTES_5,
    "Forbidden": _MINUTES_5,
}
"""Event Grid's table; what it does not name, such as a 500, takes the shortest. `Retry-After` may make it longer."""

Standing = Literal["open", "on probation", "to be probed"]


@dataclass(frozen=True, slots=True)
class Conduct:
    """Failures in a row, until when nothing is sent because of them, and since when it has been failing."""

    failures: int = 0
    until: float | None = None
    since: float | None = None

    @property
    def is_failing(self) -> bool:
        """Whether it failed so often that one delivery must succeed before others follow."""
        return self.failures >= FAILING_AFTER

    def standing(self, now: float) -> Standing:
        """Say whether deliveries may go out, none may, or one."""
        if not self.is_failing:
            return "open"
        return "on probation" if self.until is not None and now < self.until else "to be probed"

    def after(self, outcome: Outcome, now: float) -> "Conduct":
        """Return how it stands after an attempt that ended at `now`.

        An endpoint that refuses one event for what it is (400, 413) answers as it should; one that refuses us does not.
        """
        match outcome:
            case Delivered():
                return GOOD
            case Rejected(last_outcome=why) if why not in ("Unauthorized", "Forbidden"):
                return GOOD
            case Failed(last_outcome=why) | Rejected(last_outcome=why):
                failures = self.failures + 1
                if failures < FAILING_AFTER:
                    return Conduct(failures)
                # What was still under way when probation began does not make it longer.
                if self.standing(now) == "on probation":
                    return Conduct(failures, self.until, self.since)
                until = now + max(PROBATION_SECONDS.get(why, _SHORT), _asked_for(outcome))
                return Conduct(failures, until, now if self.since is None else self.since)


GOOD: Final = Conduct()
FAILING: Final = Conduct(FAILING_AFTER)
"""Of an endpoint that another process has had on probation: one delivery must succeed before others follow."""

PROBATION: Final[LastDeliveryOutcome] = "Probation"
"""The last outcome of what was never attempted, its endpoint being on probation (§5.9)."""


def _asked_for(outcome: Outcome) -> float:
    """Return how long an endpoint wants to be left alone, as far as that is obeyed."""
    if not isinstance(outcome, Failed) or outcome.retry_after is None:
        return 0.0
    return min(outcome.retry_after, LONGEST_RETRY_AFTER).total_seconds()


def is_overload(outcome: Outcome) -> bool:
    """Say whether an outcome tells that the endpoint has too much: 429, 5xx, or no answer in time."""
    if not isinstance(outcome, Failed):
        return False
    if outcome.status is None:
        return outcome.last_outcome == "TimedOut"
    return status.is_overload(outcome.status)
