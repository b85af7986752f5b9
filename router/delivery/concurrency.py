"""How many requests an endpoint gets at once: more while it keeps up, half as many when it has too much. Pure.

As TCP does it: one more for each success until the first sign of overload, from then on one more for each round.
"""

from typing import Final

FIRST: Final = 64
MOST: Final = 512
_LEAST: Final = 1.0
_DECREASE: Final = 0.5


class Concurrency:
    """The limit of one endpoint (additive increase, multiplicative decrease)."""

    __slots__ = ("_exact", "_until_next_decrease", "_was_overloaded")

    def __init__(self) -> None:
        self._exact = float(FIRST)
        self._was_overloaded = False
        self._until_next_decrease = 0

    @property
    def limit(self) -> int:
        """The number of requests that may be under way."""
        return int(self._exact)

    def succeeded(self, *, at_limit: bool) -> None:
        """Take note of a success; one that says nothing of more (`at_limit` is false) changes nothing."""
        self._until_next_decrease = max(0, self._until_next_decrease - 1)
        if at_limit:
            self._exact = min(self._exact + (1 / self._exact if self._was_overloaded else 1.0), MOST)

    def overloaded(self) -> None:
        """Take note of a sign of overload; of those that were under way together only the first counts."""
        self._was_overloaded = True
        if self._until_next_decrease > 0:
            self._until_next_decrease -= 1
            return
        self._until_next_decrease = self.limit
        self._exact = max(self._exact * _DECREASE, _LEAST)
