"""Requirements: conditions bound to slots, one object for equal ones, and what the index can file a subscription by."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from router.filters.conditions import Condition, Predicate
from router.filters.letters import fold
from router.filters.operators import Relation
from router.filters.paths import TYPE_SLOT

AnchorKind = Literal["texts", "numbers", "begins", "ends", "contains", "contains any"]


@dataclass(frozen=True, slots=True)
class Anchor:
    """A way to find a subscription by a value: it must be, begin with, end with or contain one of the operands."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Requirement:
    """A condition of one or more subscriptions on the value in a slot.

    With `bounds` (and their `thresholds`) it need not be asked. What the anchor finds need not be asked either, unless
    the anchor `is_loose`.
    """

    number: int
    slot: int
    accepts: Predicate
    anchor: Anchor | None
    is_loose: bool
    bounds: tuple[Bound, ...]
    thresholds: tuple[float, ...]


_COSTS: Final[dict[AnchorKind, tuple[float, float]]] = {
    "texts": (0.0, 1.0),
    "numbers": (0.0, 1.0),
    "begins": (1.0, 1.2),
    "ends": (1.0, 1.2),
    "contains": (4.0, 1.5),
    "contains any": (4.0, 1.5),
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
        self._known: dict[Any, tuple[Requirement, list[int]]] = {}
        self._identities: dict[Requirement, Any] = {}
        self._commonness: Counter[tuple[str, int, Any]] = Counter()
        self._made = 0

    def take(self, slot: int, condition: Condition) -> Requirement:
        """Return the requirement of one more subscription."""
        operator = condition.operator
        name = None if operator is None else operator.name
        identity = (slot, name, condition.operands, condition.on_arrays, condition.case_sensitive)
        requirement, users = self._known.get(identity) or self._make(identity, slot, condition)
        users[0] += 1
        if requirement.anchor is not None:
            for operand in requirement.anchor.operands:
                self._commonness[requirement.anchor.kind, slot, operand] += 1
        return requirement

    def give_back(self, requirement: Requirement) -> None:
        """Forget one subscription's use of a requirement."""
        identity = self._identities[requirement]
        users = self._known[identity][1]
        users[0] -= 1
        if not users[0]:
            del self._known[identity], self._identities[requirement]
        if requirement.anchor is not None:
            for operand in requirement.anchor.operands:
                place = (requirement.anchor.kind, requirement.slot, operand)
                self._commonness[place] -= 1
                if not self._commonness[place]:
                    del self._commonness[place]

    def most_selective(self, requirements: Iterable[Requirement]) -> Requirement | None:
        """Return the requirement by which the fewest others are found; None when there is none to find by."""
        candidates = [one for one in requirements if one.anchor is not None]
        return min(candidates, key=self._cost, default=None) if len(candidates) != 1 else candidates[0]

    def _cost(self, requirement: Requirement) -> float:
        anchor = requirement.anchor
        if anchor is None:
            return float("inf")
        fixed, weight = _COSTS[anchor.kind]
        if anchor.slot == TYPE_SLOT:
            fixed += _TYPES_ARE_COMMON
        return fixed + weight * max(self._commonness[anchor.kind, anchor.slot, one] for one in anchor.operands)

    def _make(self, identity: Any, slot: int, condition: Condition) -> tuple[Requirement, list[int]]:  # noqa: ANN401
        self._made += 1
        bounds, thresholds = _bounds_of(slot, condition)
        requirement = Requirement(
            number=self._made,
            slot=slot,
            accepts=condition.accepts,
            anchor=_anchor_of(slot, condition),
            is_loose=condition.case_sensitive,
            bounds=bounds,
            thresholds=thresholds,
        )
        self._identities[requirement] = identity
        self._known[identity] = found = requirement, [0]
        return found


def _anchor_of(slot: int, condition: Condition) -> Anchor | None:
    operator = condition.operator
    if operator is None or operator.is_negated:
        return None
    texts = operator.operand == "text"
    match operator.relation:
        case Relation.IN:
            operands = tuple(dict.fromkeys(condition.operands))
            return Anchor("texts" if texts else "numbers", slot, condition.on_arrays, operands)
        case Relation.BEGINS:
            return _affix_anchor("begins", slot, condition, str.startswith)
        case Relation.ENDS:
            return _affix_anchor("ends", slot, condition, str.endswith)
        case Relation.CONTAINS:
            return _affix_anchor("contains", slot, condition, str.__contains__)
        case _:
            return None


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


def shape_of(requirements: Sequence[Requirement]) -> tuple[Bound, ...]:
    """Return all bounds of some requirements."""
    return tuple(bound for one in requirements for bound in one.bounds)


def thresholds_of(requirements: Sequence[Requirement]) -> tuple[float, ...]:
    """Return the thresholds that go with `shape_of`."""
    return tuple(threshold for one in requirements for threshold in one.thresholds)
