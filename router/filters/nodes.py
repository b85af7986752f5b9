"""Nodes: subscriptions filed by what fewest others ask for; where still many meet, a node of their own divides them.

Everything here is copied before it changes, once a snapshot may hold it: what is of an older epoch than the writer's.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Final

from router.filters.boxes import Boxes
from router.filters.collecting import Plan
from router.filters.members import Everyone, Members, Sorted
from router.filters.operators import Relation
from router.filters.requirements import AnchorKind, Bound, Exclusion, Requirement, Side
from router.filters.tables import Hit, Table

Hop = tuple[AnchorKind, int, bool, Any]
"""A step on the way to where a subscription is filed: which table of a node, and the operand there."""
Used = tuple[Requirement, ...]
"""The requirements that the hops of a way stand for."""

_CROWD: Final = 4
"""So many different groups in a bucket are asked one after the other; more are divided, if they can be."""


class Entry:
    """A subscription in the index, and the places where it is filed."""

    __slots__ = ("key", "places", "requirements", "target")

    def __init__(self, key: Hashable, target: Any, requirements: tuple[Requirement, ...]) -> None:  # noqa: ANN401
        self.key = key
        self.target = target
        self.requirements = requirements
        self.places: list[tuple[tuple[Hop, ...], Used]] = []

    @property
    def can_match(self) -> bool:
        """Whether all of its conditions make sense; else it wants no event."""
        return None not in [one.condition.operator for one in self.requirements]

    def candidates(self, used: Used) -> list[Requirement]:
        """Return the requirements by which it can be filed further."""
        return [one for one in self.requirements if one.anchor is not None and one not in used]

    def can_be_told(self, used: Used) -> bool:
        """Whether a value that is there can still tell it from others."""
        return any(one.anchor is not None and one.anchor.kind != "present" for one in self.candidates(used))

    def group(self, used: Used, *, merges: bool) -> tuple[tuple[Requirement, ...], tuple[Side, ...], tuple[Any, ...]]:
        """Return what is left to ask of it: requirements, sides, and what is asked there.

        If its bucket `merges`, negations and intervals are sides too.
        """
        left = [one for one in self.requirements if one not in used or one.is_loose]
        if not any([one.bounds or (merges and one.side) for one in left]):  # noqa: C419 (faster so)
            return tuple(left), (), ()
        sided: list[tuple[Side, Any]] = [pair for one in left for pair in zip(one.bounds, one.thresholds, strict=True)]
        sided.sort(key=_in_order)
        if merges:
            others = [(one.side, one) for one in left if one.side is not None]
            sided += sorted(others, key=_in_order)
        asked = tuple(one for one in left if not (one.bounds or (merges and one.side)))
        return asked, tuple(side for side, _ in sided), tuple(asked_there for _, asked_there in sided)


def _in_order(sided: tuple[Side, Any]) -> tuple[Any, ...]:
    side = sided[0]
    match side:
        case Bound():
            return side.slot, side.is_upper, side.is_closed, side.on_arrays
        case Exclusion():
            # Searching a text takes longest, and is saved where nothing is left to exclude.
            return (
                side.relation is Relation.CONTAINS,
                1,
                side.slot,
                side.relation.value,
                side.is_numeric,
                side.on_arrays,
            )
        case _:
            return False, 0, side.slot, side.is_negated, side.on_arrays


class Bucket:
    """Subscriptions that are found together: in groups that differ in what is left to ask, or divided by a node."""

    __slots__ = ("_hits", "crowd", "epoch", "groups", "merges", "node")

    def __init__(self, epoch: object) -> None:
        self.epoch = epoch
        self.groups: dict[tuple[tuple[Requirement, ...], tuple[Side, ...]], Members] = {}
        # Whether subscriptions are of one group although they exclude different things.
        self.merges = False
        self.node: Node | None = None
        self.crowd = _CROWD
        self._hits: Sequence[Hit] | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is filed here."""
        return not self.groups and (self.node is None or self.node.is_empty)

    @property
    def hits(self) -> Sequence[Hit]:
        """What is found here."""
        if self._hits is None:
            hits = [_hit(asked, members) for (asked, _), members in self.groups.items()]
            self._hits = hits if self.node is None else [*hits, ((), None, self.node.plan.collect)]
        return self._hits

    def copy(self, epoch: object) -> "Bucket":
        """Return a copy that may change during `epoch`."""
        copy = Bucket(epoch)
        copy.groups, copy.node, copy.crowd, copy.merges = self.groups.copy(), self.node, self.crowd, self.merges
        return copy

    def add(self, entry: Entry, used: Used) -> None:
        """File a subscription in its group."""
        asked, sides, row = entry.group(used, merges=self.merges)
        members = self.groups.get((asked, sides))
        if members is None:
            members = _members_of(sides, self.epoch)
        elif members.epoch is not self.epoch:
            members = members.copy(self.epoch)
        members.add(entry, row)
        self.groups[asked, sides] = members

    def remove(self, entry: Entry, used: Used) -> None:
        """Take a subscription out of its group."""
        asked, sides, row = entry.group(used, merges=self.merges)
        members = self.groups[asked, sides]
        if members.epoch is not self.epoch:
            members = self.groups[asked, sides] = members.copy(self.epoch)
        members.remove(entry, row)
        if not len(members):
            del self.groups[asked, sides]

    def take_mergeable(self) -> list[Entry]:
        """Take out those that negations or intervals keep apart, to be filed again: from now on it merges."""
        self.merges = True
        entries: list[Entry] = []
        for (asked, sides), members in list(self.groups.items()):
            if any(one.side is not None for one in asked):
                entries += members
                del self.groups[asked, sides]
        return entries


def _members_of(sides: tuple[Side, ...], epoch: object) -> Members:
    if not sides:
        return Everyone(epoch)
    first = sides[0]
    return Sorted(first, epoch) if len(sides) == 1 and isinstance(first, Bound) else Boxes(sides, epoch)


def _hit(asked: tuple[Requirement, ...], members: Members) -> Hit:
    checks = tuple((one.slot, one.condition.accepts) for one in asked)
    return (checks, members.targets, None) if isinstance(members, Everyone) else (checks, None, members.collect)


class Node:
    """Tables of subscriptions, and a bucket of those that nothing finds but asking."""

    __slots__ = ("_plan", "bucket", "epoch", "tables")

    def __init__(self, epoch: object) -> None:
        self.epoch = epoch
        self.tables: dict[tuple[AnchorKind, int, bool], Table] = {}
        self.bucket = Bucket(epoch)
        self._plan: Plan | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing is filed here."""
        return not self.tables and self.bucket.is_empty

    @property
    def plan(self) -> Plan:
        """How an event is looked up here."""
        if self._plan is None:
            self._plan = Plan(self.tables, self.bucket.hits)
        return self._plan

    def copy(self, epoch: object) -> "Node":
        """Return a copy that may change during `epoch`."""
        copy = Node(epoch)
        copy.tables, copy.bucket = self.tables.copy(), self.bucket
        return copy
