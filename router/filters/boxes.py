"""Boxes: members with several bounds, or with negations and intervals of their own: found by bit sets (decision 0022).

Members of a group are rows of a part. Each side of a part narrows the bit set of those that may match; what a side
excludes one by one is left out at the end.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import compress
from struct import unpack
from typing import Any, Final, Protocol

from router.filters.exclusions import Excluded
from router.filters.intervals import Inside
from router.filters.members import Entry, number_for
from router.filters.requirements import Bound, Exclusion, Side
from router.filters.values import Values

_FEW: Final = 8
"""So many new rows are asked one by one, and so many bits are listed one by one."""
_LARGEST_MERGED: Final = 2048
"""So many rows are compiled in a few milliseconds; a larger part is left as it is."""
_MOST_ASKED: Final = 2 * _LARGEST_MERGED
"""And so many operands of all rows together: one may have 25 intervals, the ends of which are put in order."""
_GROWTH: Final = 3
_BLOCK: Final = 16
_MOST_BLOCKS: Final = 512
_SPARSE: Final = 8
_FLAGS: Final = tuple(bytes(byte >> bit & 1 for bit in range(8)) for byte in range(256))

Row = tuple[Any, ...]
"""Of each side what is asked there: a threshold, or a requirement."""


class Boxes:
    """Members that differ in what they ask at each of several sides.

    Most stand in compiled parts, which copies share; the newest are asked one by one, until there are enough of them
    for a part of their own, or for one together with the parts that are not much larger.
    """

    __slots__ = ("_fresh", "_parts", "_places", "_sides", "epoch")

    def __init__(self, sides: tuple[Side, ...], epoch: object) -> None:
        self.epoch = epoch
        self._sides = sides
        self._parts: tuple[_Part, ...] = ()
        self._places: dict[Any, Row] = {}
        self._fresh: dict[Any, Row] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._places)

    def copy(self, epoch: object) -> "Boxes":
        """Return a copy that may change during `epoch`."""
        copy = Boxes(self._sides, epoch)
        copy._parts, copy._places, copy._fresh = self._parts, self._places.copy(), self._fresh.copy()
        return copy

    def add(self, entry: Entry, asked: Row) -> None:
        """Take in a subscription."""
        self._places[entry] = self._fresh[entry] = asked

    def remove(self, entry: Entry, _asked: Row) -> None:
        """Let go of a subscription."""
        del self._places[entry]
        if self._fresh.pop(entry, None) is not None:
            return
        parts = [part.without(entry) if entry in part.rows else part for part in self._parts]
        for part in parts:
            if part.is_worn:
                self._fresh |= {other: self._places[other] for other in part.entries}
        self._parts = tuple(part for part in parts if not part.is_worn)

    def collect(self, values: Values) -> Sequence[Any]:
        """Return the targets of those that match; nobody may change what is returned."""
        if len(self._fresh) > _FEW:
            self._compile()
        if len(self._parts) == 1 and not self._fresh:
            return self._parts[0].collect(values)
        found: list[Any] = []
        for part in self._parts:
            found += part.collect(values)
        self._ask_fresh(values, found)
        return found

    def _ask_fresh(self, values: Values, found: list[Any]) -> None:
        numbers = [number_for(side, values) if isinstance(side, Bound) else None for side in self._sides]
        for entry, row in self._fresh.items():
            for side, asked, number in zip(self._sides, row, numbers, strict=True):
                if isinstance(side, Bound):
                    if number is None or not _passes(side, asked, number):
                        break
                elif not asked.condition.accepts(values[side.slot]):
                    break
            else:
                found.append(entry.target)

    def _compile(self) -> None:
        """Make a part of what is fresh, together with the last parts while these are small."""
        rows, parts = self._fresh, list(self._parts)
        asked = _asked(rows)
        while parts and len(parts[-1].rows) <= min(_GROWTH * len(rows), _LARGEST_MERGED - len(rows)):
            asked += parts[-1].asked
            if asked > _MOST_ASKED:
                break
            rows = {entry: self._places[entry] for entry in parts.pop().entries} | rows
        self._parts, self._fresh = (*parts, _Part(self._sides, rows)), {}


def _asked(rows: dict[Any, Row]) -> int:
    """Return how many operands rows have in all."""
    return sum(
        1 if isinstance(one, float | int) else len(one.condition.operands) for row in rows.values() for one in row
    )


def _passes(bound: Bound, threshold: float, number: float) -> bool:
    if number == threshold:
        return bound.is_closed
    return (number < threshold) is bound.is_upper


class _Narrow(Protocol):
    """A compiled side."""

    def narrow(self, values: Values, passing: int, others: set[int]) -> int:
        """Return the rows of `passing` that may pass; those among them that do not are added to `others`."""
        ...


class _Part:
    """Some rows, compiled; what is `gone` is no more."""

    __slots__ = ("_alive", "_gone", "_only", "_sides", "_targets", "asked", "rows")

    def __init__(self, sides: Sequence[Side], rows: dict[Any, Row]) -> None:
        self.rows = {entry: row for row, entry in enumerate(rows)}
        self.asked = _asked(rows)
        self._targets = [entry.target for entry in rows]
        self._sides = [
            _compiled(side, column) for side, column in zip(sides, zip(*rows.values(), strict=True), strict=True)
        ]
        only = self._sides[0] if len(self._sides) == 1 else None
        self._only = only if isinstance(only, Inside) else None
        self._alive = (1 << len(rows)) - 1
        self._gone: frozenset[int] = frozenset()

    @property
    def is_worn(self) -> bool:
        """Whether so much of it is gone that it should be compiled anew."""
        return len(self._gone) * 2 > len(self.rows)

    @property
    def entries(self) -> list[Any]:
        """What is there still."""
        return [entry for entry, row in self.rows.items() if row not in self._gone]

    def without(self, entry: Any) -> "_Part":  # noqa: ANN401 (a subscription)
        """Return the part with one subscription less."""
        row = self.rows[entry]
        part = object.__new__(_Part)
        part.rows, part.asked, part._targets = self.rows, self.asked, self._targets
        part._sides, part._only = self._sides, self._only
        part._alive, part._gone = self._alive & ~(1 << row), self._gone | {row}
        return part

    def collect(self, values: Values) -> Sequence[Any]:
        """Return the targets of the rows that pass every side."""
        targets = self._targets
        if self._only is not None:
            rows = self._only.few(values)
            if rows is not None:
                return [targets[row] for row in rows if row not in self._gone]
        passing, others = self._alive, set[int]()
        for side in self._sides:
            passing = side.narrow(values, passing, others)
            if not passing:
                return []
        if passing is self._alive and (len(self._gone) + len(others)) * _SPARSE < len(targets):
            return self._all_but(others.union(self._gone) if self._gone else others)
        count = passing.bit_count()
        if count * _SPARSE > len(targets):
            return self._many(passing, others)
        rows = _few_rows_of(passing) if count <= _FEW else _rows_of(passing)
        return [targets[row] for row in rows if row not in others]

    def _all_but(self, others: set[int]) -> Sequence[Any]:
        targets = self._targets
        if not others:
            return targets  # the answer to most events, and too long to be copied for each
        found: list[Any] = []
        start = 0
        for row in sorted(others):
            found += targets[start:row]
            start = row + 1
        found += targets[start:]
        return found

    def _many(self, passing: int, others: set[int]) -> Sequence[Any]:
        octets = passing.to_bytes(len(self._targets) // 8 + 1, "little")
        flags = bytearray(b"".join([_FLAGS[octet] for octet in octets]))
        for row in others:
            flags[row] = 0
        return [*compress(self._targets, flags)]


def _compiled(side: Side, column: Sequence[Any]) -> _Narrow:
    if isinstance(side, Bound):
        return _Ordered(side, column)
    if isinstance(side, Exclusion):
        return Excluded(side, column)
    return Inside(side, column)


class _Ordered:
    """The thresholds of one bound in order, and bit sets of those that the first blocks of them belong to."""

    __slots__ = ("_bound", "_is_upper", "_order", "_place", "_sets", "_size", "_slot", "_thresholds")

    def __init__(self, bound: Bound, thresholds: Sequence[float]) -> None:
        self._bound = bound
        self._slot = bound.slot
        self._is_upper = bound.is_upper
        self._place = bisect_left if bound.is_upper is bound.is_closed else bisect_right
        ascending = sorted(range(len(thresholds)), key=thresholds.__getitem__)
        self._thresholds = [thresholds[row] for row in ascending]
        # What passes is a beginning of this order, whichever side it is.
        self._order = ascending[::-1] if bound.is_upper else ascending
        self._size = max(_BLOCK, len(thresholds) // _MOST_BLOCKS)
        self._sets = [0]
        bits = bytearray(len(thresholds) // 8 + 1)
        for start in range(0, len(thresholds), self._size):
            for row in self._order[start : start + self._size]:
                bits[row >> 3] |= 1 << (row & 7)
            self._sets.append(int.from_bytes(bits, "little"))

    def narrow(self, values: Values, passing: int, others: set[int]) -> int:
        """Return the rows of `passing` that may pass: whole blocks of them, of which those behind the value do not."""
        number = values[self._slot]
        if number.__class__ is not float:
            number = number_for(self._bound, values)
            if number is None:
                return 0
        place = self._place(self._thresholds, number)
        count = len(self._thresholds) - place if self._is_upper else place
        blocks = -(-count // self._size)
        passing &= self._sets[blocks]
        if passing:
            others.update(self._order[count : blocks * self._size])
        return passing


def _few_rows_of(bits: int) -> list[int]:
    """Return the places of the bits that are set, bit by bit."""
    rows = []
    while bits:
        lowest = bits & -bits
        rows.append(lowest.bit_length() - 1)
        bits ^= lowest
    return rows


def _rows_of(bits: int) -> list[int]:
    """Return the places of the bits that are set; word by word, as most words have none."""
    rows, words = [], bits.bit_length() // 64 + 1
    for number, word in enumerate(unpack(f"<{words}Q", bits.to_bytes(words * 8, "little"))):
        left = word
        while left:
            lowest = left & -left
            rows.append(number * 64 + lowest.bit_length() - 1)
            left ^= lowest
    return rows
