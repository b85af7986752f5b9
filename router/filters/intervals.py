"""Intervals: several of each member, of many members at once; which of them a number is in, or is not in."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterator, Sequence
from itertools import chain
from typing import Final

from router.filters.requirements import Requirement, Within
from router.filters.values import Values, elements_of

_BLOCK: Final = 16
_MOST_BLOCKS: Final = 4096
_MOST_ELEMENTS: Final = 64
"""An array with more numbers than these is asked about row by row."""
_END: Final = 1
_STRETCH: Final = 64
_STEP: Final = 4
_ROOM: Final = 16
"""So many rows may be inside at once, on average, to be listed and not kept as bit sets."""


class Inside:
    """The ends of all rows' intervals in order, and who is inside at every so many-th of them: listed, or as a bit set.

    The intervals of a row are made disjoint, so that each start takes it in and each end lets it out: from one such
    place to the next a row that is passed changes sides.
    """

    __slots__ = ("_asked", "_few", "_kinds", "_numbers", "_order", "_sets", "_side", "_size")

    def __init__(self, side: Within, asked: Sequence[Requirement]) -> None:
        self._side = side
        self._asked = asked
        intervals = [requirement.intervals for requirement in asked]
        lows, highs = zip(*chain.from_iterable(intervals), strict=True) if any(intervals) else ((), ())
        rows = [row for row, those in enumerate(intervals) for _ in those]
        numbers = [*lows, *highs]
        # Of those at one number the starts come first, as sorting leaves it so: what equals it has passed them, but not
        # the ends. Numbers alone are sorted three times as fast as with what belongs to them.
        ascending = sorted(range(len(numbers)), key=numbers.__getitem__)
        self._numbers = [*map(numbers.__getitem__, ascending)]
        self._kinds = bytes([place >= len(rows) for place in ascending])
        self._order = [*map([*rows, *rows].__getitem__, ascending)]
        self._size = max(_BLOCK, len(numbers) // _MOST_BLOCKS)
        self._sets: list[int] = []
        self._few = _listed(self._order)
        if self._few is None:
            self._sets.append(0)
            bits = bytearray(len(asked) // 8 + 1)
            for start in range(0, len(numbers), self._size):
                for row in self._order[start : start + self._size]:
                    bits[row >> 3] ^= 1 << (row & 7)
                self._sets.append(int.from_bytes(bits, "little"))

    def few(self, values: Values) -> Collection[int] | None:
        """Return the rows that pass; None if they are not a few, and must be asked for as a bit set."""
        value = values[self._side.slot]
        if self._few is None or self._side.is_negated or not (value.__class__ is float or value.__class__ is int):
            return None
        return self._few.at(self._passed(value))

    def narrow(self, values: Values, passing: int, _others: set[int]) -> int:
        """Return the rows of `passing` that pass."""
        side, value = self._side, values[self._side.slot]
        if value is None:
            return passing if side.matches_missing else 0
        if value.__class__ is float or value.__class__ is int:
            inside = self._at(value)
        elif value.__class__ is not list:
            inside = 0
        elif not side.on_arrays:
            return 0
        else:
            numbers = elements_of(value).numbers
            if len(numbers) > _MOST_ELEMENTS:
                return passing & self._asked_one_by_one(value)
            inside = 0
            for number in numbers:
                inside |= self._at(number)
        return passing & (~inside if side.is_negated else inside)

    def _passed(self, number: float) -> int:
        """Return how many starts and ends a number has passed."""
        place = bisect_left(self._numbers, number)
        if place < len(self._numbers) and self._numbers[place] == number:
            place = bisect_left(self._kinds, _END, place, bisect_right(self._numbers, number, place))
        return place

    def _at(self, number: float) -> int:
        place = self._passed(number)
        if self._few is not None:
            return sum([1 << row for row in self._few.at(place)])
        block = (place + self._size // 2) // self._size
        near = min(block * self._size, len(self._order))
        passed = self._order[min(place, near) : max(place, near)]
        if not passed:
            return self._sets[block]
        bits = bytearray(max(passed) // 8 + 1)
        for row in passed:
            bits[row >> 3] ^= 1 << (row & 7)
        return self._sets[block] ^ int.from_bytes(bits, "little")

    def _asked_one_by_one(self, value: list[object]) -> int:
        return sum(1 << row for row, one in enumerate(self._asked) if one.condition.accepts(value))


class _Listed:
    """Who is inside at every so many-th start or end; what is between is gone through when it is asked for."""

    __slots__ = ("_between", "_marks", "_order")

    def __init__(self, order: Sequence[int], marks: Sequence[tuple[int, ...]]) -> None:
        self._order = order
        self._marks = marks
        self._between: list[list[tuple[int, ...]] | None] = [None] * len(marks)

    def at(self, place: int) -> set[int]:
        """Return who is inside when so many starts and ends are passed."""
        stretch, passed = divmod(place, _STRETCH)
        between = self._between[stretch]
        if between is None:
            start = stretch * _STRETCH
            between = self._between[stretch] = [
                *_at_every(_STEP, self._order[start : start + _STRETCH], self._marks[stretch])
            ]
        rows = {*between[passed // _STEP]}
        _pass(self._order[place - passed % _STEP : place], rows)
        return rows


def _listed(order: Sequence[int]) -> _Listed | None:
    """Return who is inside; None if these are too many to be listed."""
    marks: list[tuple[int, ...]] = []
    room = _ROOM * (len(order) // _STRETCH + 1)
    for inside in _at_every(_STRETCH, order, ()):
        room -= len(inside)
        if room < 0:
            return None
        marks.append(inside)
    return _Listed(order, marks)


def _at_every(step: int, order: Sequence[int], inside: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield who is inside at first, and after every so many starts and ends."""
    yield inside
    rows = {*inside}
    for start in range(0, len(order), step):
        _pass(order[start : start + step], rows)
        yield tuple(rows)


def _pass(order: Sequence[int], rows: set[int]) -> None:
    for row in order:
        if row in rows:
            rows.discard(row)
        else:
            rows.add(row)
