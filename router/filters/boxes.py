"""Boxes: members with two bounds or more, found by the intersection of bit sets (docs/decisions/0013)."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, Final

from router.filters.members import Entry, number_for
from router.filters.requirements import Bound
from router.filters.values import Values

_FEW: Final = 24
"""So many are compared one by one."""
_BLOCK: Final = 16
_MOST_BLOCKS: Final = 512
_SPARSE: Final = 4
_NOT_ZERO: Final = re.compile(rb"[^\0]").finditer
_BITS: Final = tuple(tuple(bit for bit in range(8) if byte >> bit & 1) for byte in range(256))

Thresholds = tuple[float, ...]


class Boxes:
    """Members with a threshold for each of several bounds.

    Most stand in a compiled part, which copies share; what was added or removed since is looked at one by one, and
    compiled when it has become much.
    """

    __slots__ = ("_bounds", "_compiled", "_rows", "epoch")

    def __init__(self, bounds: tuple[Bound, ...], epoch: object) -> None:
        self.epoch = epoch
        self._bounds = bounds
        self._rows: dict[Any, Thresholds] = {}
        self._compiled = _Compiled(bounds, {})

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def copy(self, epoch: object) -> "Boxes":
        """Return a copy that may change during `epoch`."""
        copy = Boxes(self._bounds, epoch)
        copy._rows = self._rows.copy()
        copy._compiled = self._compiled.copy()
        return copy

    def add(self, entry: Entry, thresholds: Thresholds) -> None:
        """Take in a subscription."""
        self._rows[entry] = thresholds
        self._compiled.fresh[entry] = thresholds

    def remove(self, entry: Entry, _thresholds: Thresholds) -> None:
        """Let go of a subscription."""
        del self._rows[entry]
        if self._compiled.fresh.pop(entry, None) is None:
            self._compiled.gone.add(self._compiled.rows[entry])

    def collect(self, values: Values, found: list[Any]) -> None:
        """Add the targets of those that match."""
        compiled = self._compiled
        if compiled.is_stale(len(self._rows)):
            compiled = self._compiled = _Compiled(self._bounds, self._rows)
        compiled.collect(values, found)


class _Side:
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

    def passing(self, values: Values) -> int:
        """Return how many rows pass, which are the first of the order."""
        number = values[self._slot]
        if number.__class__ is not float:
            number = number_for(self._bound, values)
            if number is None:
                return 0
        place = self._place(self._thresholds, number)
        return len(self._thresholds) - place if self._is_upper else place

    def rows(self, passing: int) -> tuple[int, list[int]]:
        """Return a bit set of the rows that pass and a few others, and the others."""
        blocks = -(-passing // self._size)
        return self._sets[blocks], self._order[passing : blocks * self._size]


class _Compiled:
    """Some rows with their bit sets; what is `fresh` is not among them, and what is `gone` is no more."""

    __slots__ = ("_bounds", "_sides", "_targets", "fresh", "gone", "rows")

    def __init__(self, bounds: tuple[Bound, ...], rows: dict[Any, Thresholds]) -> None:
        self._bounds = bounds
        self.rows = {entry: row for row, entry in enumerate(rows)}
        self._targets = [entry.target for entry in rows]
        columns = list(zip(*rows.values(), strict=True)) if rows else []
        self._sides = [_Side(bound, column) for bound, column in zip(bounds, columns, strict=False)]
        self.fresh: dict[Any, Thresholds] = {}
        self.gone: set[int] = set()

    def copy(self) -> "_Compiled":
        """Return a copy whose changes are its own."""
        copy = object.__new__(_Compiled)
        copy._bounds, copy._sides = self._bounds, self._sides
        copy._targets, copy.rows = self._targets, self.rows
        copy.fresh, copy.gone = self.fresh.copy(), self.gone.copy()
        return copy

    def is_stale(self, rows: int) -> bool:
        """Whether so much has changed that it should be compiled anew."""
        return len(self.fresh) + len(self.gone) > max(_FEW, rows // 8)

    def collect(self, values: Values, found: list[Any]) -> None:
        """Add the targets of the rows that pass every bound."""
        if self.fresh:
            numbers = [number_for(bound, values) for bound in self._bounds]
            if None not in numbers:
                for entry, thresholds in self.fresh.items():
                    if all(map(_passes, self._bounds, thresholds, numbers)):
                        found.append(entry.target)
        counts = []
        for side in self._sides:
            count = side.passing(values)
            if not count:
                return
            counts.append(count)
        if counts:
            self._collect_rows(counts, found)

    def _collect_rows(self, counts: list[int], found: list[Any]) -> None:
        passing, others = -1, set[int]()
        for side, count in zip(self._sides, counts, strict=True):
            rows, but_not = side.rows(count)
            passing &= rows
            if not passing:
                return
            others.update(but_not)
        others |= self.gone
        targets = self._targets
        found += [targets[row] for row in _rows_of(passing) if row not in others]


def _passes(bound: Bound, threshold: float, number: float) -> bool:
    if number == threshold:
        return bound.is_closed
    return (number < threshold) is bound.is_upper


def _rows_of(bits: int) -> list[int]:
    octets = bits.to_bytes(bits.bit_length() // 8 + 1, "little")
    if bits.bit_count() * _SPARSE > len(octets):
        return [start * 8 + bit for start, octet in enumerate(octets) if octet for bit in _BITS[octet]]
    return [match.start() * 8 + bit for match in _NOT_ZERO(octets) for bit in _BITS[octets[match.start()]]]
