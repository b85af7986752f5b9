"""How many requests an endpoint gets at once: more while it keeps up, half as many when it has too much. Pure.

As TCP does it: one more for each success until the first sign of overload, then one more for each round. Answers
that take longer than the quickest did say that more at once would only wait somewhere, be it in this process; when they
take very much longer, it is one less for each round, but never less than at first.
"""

from typing import Final

FIRST: Final = 16
MOST: Final = 512
_LEAST: Final = 1.0
_DECREASE: Final = 0.5
_SLOWER: Final = 2.0
_NOISE_MS: Final = 5.0
_MUCH_SLOWER: Final = 4.0
_MUCH_NOISE_MS: Final = 20.0
_FORGET: Final = 1.0001
"""Forgotten by half after 7,000 successes: sooner, and waiting in this process would pass for the endpoint's pace."""


class Concurrency:
    """The limit of one endpoint (additive increase, multiplicative decrease)."""

    __slots__ = ("_exact", "_quickest_ms", "_until_next_decrease", "_was_overloaded")

    def __init__(self) -> None:
        self._exact = float(FIRST)
        self._quickest_ms = float("inf")
        self._was_overloaded = False
        self._until_next_decrease = 0

    @property
    def limit(self) -> int:
        """The number of requests that may be under way."""
        return int(self._exact)

    def succeeded(self, duration_ms: float, *, at_limit: bool) -> None:
        """Take note of a success; one that says nothing of more (`at_limit` is false) changes no limit."""
        self._until_next_decrease = max(0, self._until_next_decrease - 1)
        # The quickest is slowly forgotten: an endpoint may have moved further away.
        self._quickest_ms = min(self._quickest_ms * _FORGET, duration_ms)
        if duration_ms > self._quickest_ms * _MUCH_SLOWER + _MUCH_NOISE_MS:
            self._exact = max(self._exact - 1 / self._exact, min(self._exact, FIRST))
        elif at_limit and duration_ms <= self._quickest_ms * _SLOWER + _NOISE_MS:
            self._exact = min(self._exact + (1 / self._exact if self._was_overloaded else 1.0), MOST)

    def overloaded(self) -> None:
        """Take note of a sign of overload; of those that were under way together only the first counts."""
        self._was_overloaded = True
        if self._until_next_decrease > 0:
            self._until_next_decrease -= 1
            return
        self._until_next_decrease = self.limit
        self._exact = max(self._exact * _DECREASE, _LEAST)
