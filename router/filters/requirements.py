"""Requirements: conditions bound to slots, one object for equal ones, and what the index can file a subscription by."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from router.filters.conditions import Condition
from router.filters.letters import fold
from router.filters.operators import OPERATORS, Relation
from router.filters.paths import TYPE_SLOT

AnchorKind = Literal["texts", "numbers", "begins", "ends", "contains", "contains any", "present"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A way to find a subscription by a value: it must be, begin with, end with or contain one of the operands.

    Or, as the last resort, it must be there at all (`present`; the operand is None).
    """

    kind: AnchorKind
    slot: int
    on_arrays: bool
    operands: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Bound:
    """One side of a range; subscriptions that share it differ in their thresholds only."""

    slot: int
    is_upper: bool
    is_closed: bool
    on_arrays: bool


@dataclass(frozen=True, slots=True)
class Exclusion:
    """What a value must not be, by one operator; subscriptions that share it differ in their operands only."""

    slot: int
    relation: Relation
    is_numeric: bool
    on_arrays: bool
    matches_missing: bool


@dataclass(frozen=True, slots=True)
class Within:
    """Several intervals that a number must be in, or must not be in; subscriptions differ in the intervals only."""

    slot: int
    is_negated: bool
    on_arrays: bool
    matches_missing: bool


Side = Bound | Exclusion | Within
"""What subscriptions of a group may share while each asks for something of its own there."""


class Requirement:
    """A condition of one or more subscriptions on the value in a slot.

    With `bounds` (and their `thresholds`) it need not be asked; where many meet, nor with a `side`. What the anchor
    finds need not be asked either, unless the anchor `is_loose`.
    """

    __slots__ = (
        "_intervals",
        "anchor",
        "bounds",
        "condition",
        "identity",
        "number",
        "places",
        "side",
        "slot",
        "thresholds",
        "users",
    )

    def __init__(self, number: int, slot: int, condition: Condition, identity: Hashable) -> None:
        self.number = number
        self.slot = slot
        self.condition = condition
        self.identity = identity
        self.users = 0
        self.anchor = _anchor_of(slot, condition)
        self.bounds, self.thresholds = _bounds_of(slot, condition)
        self.side = None if self.bounds else _side_of(slot, condition)
        self._intervals: Sequence[tuple[float, float]] | None = None
        anchor = self.anchor
        self.places = () if anchor is None else tuple((anchor.kind, slot, operand) for operand in anchor.operands)

    @property
    def is_loose(self) -> bool:
        """Whether the anchor finds more than the condition accepts."""
        if self.anchor is not None and self.anchor.kind == "present":
            return self.condition.operator is not OPERATORS["IsNotNull"]
        return self.condition.case_sensitive

    @property
    def intervals(self) -> Sequence[tuple[float, float]]:
        """The operands, if they are intervals, as such of which none meets another."""
        if self._intervals is None:
            self._intervals = disjoint(self.condition.operands)
        return self._intervals


def disjoint(intervals: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the same numbers as intervals of which none meets another, in order."""
    found: list[tuple[float, float]] = []
    for low, high in sorted(intervals):
        if low > high:
            continue
        if found and low <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], high)
        else:
            found.append((low, high))
    return found


_COSTS: Final[dict[AnchorKind, tuple[float, float]]] = {
    "texts": (0.0, 1.0),
    "numbers": (0.0, 1.0),
    "begins": (1.0, 1.2),
    "ends": (1.0, 1.2),
    "contains": (4.0, 1.5),
    "contains any": (4.0, 1.5),
    "present": (16.0, 1.0),
}
"""What a way to find costs an event, in subscriptions that are found in vain, and how these count."""
_TYPES_ARE_COMMON: Final = 8.0
_BOUNDS: Final[dict[Relation, tuple[bool, bool]]] = {
    Relation.LESS: (True, False),
    Relation.AT_MOST: (True, True),
    Relation.GREATER: (False, False),
    Relation.AT_LEAST: (False, True),
}


class Requirements:
    """All requirements in use, each once, and how many subscriptions could be found by each anchor's operand."""

    def __init__(self) -> None:
        self._known: dict[Hashable, Requirement] = {}
        self._commonness: dict[tuple[AnchorKind, int, Any], int] = {}
        self._made = 0

    def take(self, slot: int, condition: Condition) -> Requirement:
        """Return the requirement of one more subscription."""
        identity = (slot, condition.identity)
        requirement = self._known.get(identity)
        if requirement is None:
            self._made += 1
            requirement = self._known[identity] = Requirement(self._made, slot, condition, identity)
        requirement.users += 1
        for place in requirement.places:
            self._commonness[place] = self._commonness.get(place, 0) + 1
        return requirement

    def give_back(self, requirement: Requirement) -> None:
        """Forget one subscription's use of a requirement."""
        requirement.users -= 1
        if not requirement.users:
            del self._known[requirement.identity]
        for place in requirement.places:
            left = self._commonness.pop(place) - 1
            if left:
                self._commonness[place] = left

    def most_selective(self, requirements: Sequence[Requirement]) -> Requirement | None:
        """Return the requirement by which the fewest others are found; all have an anchor. None when there is none."""
        if len(requirements) < 2:  # noqa: PLR2004 (nothing to compare)
            return requirements[0] if requirements else None
        return min(requirements, key=self._cost)

    def _cost(self, requirement: Requirement) -> float:
        fixed, weight = _COSTS[requirement.places[0][0]]
        if requirement.slot == TYPE_SLOT:
            fixed += _TYPES_ARE_COMMON
        return fixed + weight * max(map(self._commonness.__getitem__, requirement.places))


def _anchor_of(slot: int, condition: Condition) -> Anchor | None:
    operator = condition.operator
    if operator is None or operator.matches_missing:
        return None
    anchor = None
    if not operator.is_negated:
        match operator.relation, operator.operand:
            case Relation.IN, "text":
                anchor = Anchor("texts", slot, condition.on_arrays, condition.operands)
            case Relation.IN, _:
                anchor = Anchor("numbers", slot, condition.on_arrays, tuple(dict.fromkeys(condition.operands)))
            case Relation.BEGINS, _:
                anchor = _affix_anchor("begins", slot, condition, str.startswith)
            case Relation.ENDS, _:
                anchor = _affix_anchor("ends", slot, condition, str.endswith)
            case Relation.CONTAINS, _:
                anchor = _affix_anchor("contains", slot, condition, str.__contains__)
            case _:
                pass
    # Of others only this much is known: what they accept is there.
    return anchor or Anchor("present", slot, False, (None,))  # noqa: FBT003 (a record's field)


def _affix_anchor(
    kind: AnchorKind, slot: int, condition: Condition, implies: Callable[[str, str], bool]
) -> Anchor | None:
    """Leave out what another operand finds already; nothing can be found by an empty one, which every text has."""
    kept: list[str] = []
    operands = map(fold, condition.operands) if condition.case_sensitive else condition.operands
    for operand in sorted(operands, key=len):
        if not any(implies(operand, other) for other in kept):
            kept.append(operand)
    if kind == "contains" and len(kept) > 1:
        kind = "contains any"
    return Anchor(kind, slot, condition.on_arrays, tuple(kept)) if kept[0] else None


def _bounds_of(slot: int, condition: Condition) -> tuple[tuple[Bound, ...], tuple[float, ...]]:
    operator = condition.operator
    if operator is None or operator.is_negated:
        return (), ()
    if operator.relation in _BOUNDS:
        return (Bound(slot, *_BOUNDS[operator.relation], condition.on_arrays),), condition.operands
    # In an array one element must be in the range: two bounds could be kept by two elements.
    if operator.relation is Relation.WITHIN and len(condition.operands) == 1 and not condition.on_arrays:
        sides = (Bound(slot, False, True, False), Bound(slot, True, True, False))  # noqa: FBT003 (a record's fields)
        return sides, condition.operands[0]
    return (), ()


def _side_of(slot: int, condition: Condition) -> Exclusion | Within | None:
    operator, on_arrays = condition.operator, condition.on_arrays
    if operator is None:
        return None
    if operator.relation is Relation.WITHIN:
        return Within(slot, operator.is_negated, on_arrays, operator.matches_missing)
    # An empty text is in every other one: nothing looks that up.
    if not operator.is_negated or operator.operand is None or "" in condition.operands:
        return None
    return Exclusion(slot, operator.relation, operator.operand == "number", on_arrays, operator.matches_missing)
