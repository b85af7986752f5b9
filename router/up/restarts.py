"""When a child that ended is started again: at once, then after longer and longer pauses. The clock is passed in."""

from dataclasses import dataclass
from typing import Final

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 3.0
"""With the start itself, a worker or server is back within 5 s (design §4)."""
HEALTHY_SECONDS: Final = 10.0
MANY_ENDS: Final = 5
MANY_WITHIN_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class Restart:
    """What follows an end: how long to wait, and whether this is the moment to say that it keeps ending."""

    pause_seconds: float
    keeps_ending: bool


class RestartPolicy:
    """Remembers the ends of one child."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._ends: list[float] = []

    def ended(self, now: float, *, lived_seconds: float) -> Restart:
        """Take an end into account: `now` in seconds of any clock that never goes back."""
        self._in_a_row = 1 if lived_seconds >= HEALTHY_SECONDS else self._in_a_row + 1
        self._ends = [end for end in self._ends if now - end < MANY_WITHIN_SECONDS] + [now]
        keeps_ending = len(self._ends) == MANY_ENDS
        if keeps_ending:
            self._ends.clear()
        return Restart(self._pause(), keeps_ending)

    def _pause(self) -> float:
        if self._in_a_row == 1:
            return 0.0
        return float(min(FIRST_PAUSE_SECONDS * 2 ** (self._in_a_row - 2), LONGEST_PAUSE_SECONDS))
