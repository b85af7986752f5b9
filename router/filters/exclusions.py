"""Exclusions: negations of many members at once. All pass but those that the index of what they must not be finds."""

from collections.abc import Sequence
from typing import Any, Final

from router.filters.affixes import Beginnings, Endings
from router.filters.collecting import Plan
from router.filters.needles import Needles
from router.filters.operators import Relation
from router.filters.requirements import AnchorKind, Exclusion, Requirement
from router.filters.tables import Exact, Hit, Table
from router.filters.values import Values

_MANY: Final = 48
"""So many rows of one operand are taken away as a bit set."""
_TABLES: Final[dict[Relation, tuple[AnchorKind, Any]]] = {
    Relation.IN: ("texts", Exact),
    Relation.BEGINS: ("begins", Beginnings),
    Relation.ENDS: ("ends", Endings),
    Relation.CONTAINS: ("contains", Needles),
}


class Excluded:
    """Which rows have to be left out for what an event has in a slot."""

    __slots__ = ("_if_missing", "_on_arrays", "_plan", "_slot")

    def __init__(self, side: Exclusion, asked: Sequence[Requirement]) -> None:
        self._slot, self._on_arrays, self._if_missing = side.slot, side.on_arrays, side.matches_missing
        rows: dict[Any, list[int]] = {}
        for row, requirement in enumerate(asked):
            for operand in requirement.condition.operands:
                rows.setdefault(operand, []).append(row)
        kind, make = _TABLES[side.relation]
        table: Table = make(self)
        for operand, those in sorted(rows.items()):
            table.put(operand, _Rows(those))
        self._plan = Plan({("numbers" if side.is_numeric else kind, side.slot, side.on_arrays): table}, ())

    def narrow(self, values: Values, passing: int, others: set[int]) -> int:
        """Return the rows of `passing` that may pass; those among them that do not are added to `others`."""
        value = values[self._slot]
        if value is None:
            return passing if self._if_missing else 0
        if value.__class__ is list and not self._on_arrays:
            return 0
        for mark in self._plan.collect(values):
            if mark.__class__ is int:
                others.add(mark)
            else:
                passing &= mark.others
        return passing


class _Rows:
    """The rows that have an operand: one by one, or as a bit set of all others."""

    __slots__ = ("hits",)

    def __init__(self, rows: list[int]) -> None:
        self.hits: Sequence[Hit] = [((), [_Others(rows)] if len(rows) > _MANY else rows, None)]


class _Others:
    """All rows but some, as a bit set."""

    __slots__ = ("others",)

    def __init__(self, rows: list[int]) -> None:
        bits = bytearray(rows[-1] // 8 + 1)
        for row in rows:
            bits[row >> 3] |= 1 << (row & 7)
        self.others = ~int.from_bytes(bits, "little")
