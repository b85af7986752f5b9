"""How long to wait before the next attempt (§5.1, §5.2)."""

from datetime import timedelta
from typing import Final

from topics.retries import DELAYS

JITTER: Final = 0.2
"""Waits are up to this much longer than the schedule says, so that what failed together does not return together."""

LONGEST_RETRY_AFTER: Final = timedelta(minutes=10)
MINIMUM_AFTER_STATUS: Final = {503: timedelta(seconds=30), 408: timedelta(minutes=2)}


def delay_after(
    attempt: int, *, status: int | None, retry_after: timedelta | None, random_fraction: float
) -> timedelta:
    """Return the wait after attempt number `attempt` failed; `random_fraction` in [0, 1] is its place in the jitter."""
    scheduled = DELAYS[min(attempt, len(DELAYS)) - 1]
    if status is not None:
        scheduled = max(scheduled, MINIMUM_AFTER_STATUS.get(status, scheduled))
    wait = scheduled * (1 + JITTER * random_fraction)
    if retry_after is None:
        return wait
    return max(wait, min(retry_after, LONGEST_RETRY_AFTER))
