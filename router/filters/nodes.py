"""Nodes: subscriptions filed by what fewest others ask for; where still many meet, a node of their own divides them.

Everything here is copied before it changes, once a snapshot may hold it: what is of an older epoch than the writer's.
"""

from collections.abc import Hashable, Sequence
from typing import Any, Final

from router.filters.affixes import Beginnings, Endings
from router.filters.boxes import Boxes
from router.filters.collecting import Plan
from router.filters.members import Everyone, Members, Sorted
from router.filters.needles import Needles, SharedNeedles
from router.filters.requirements import Anchor, AnchorKind, Bound, Requirement, Requirements
from router.filters.tables import Exact, Hit, Table

Hop = tuple[AnchorKind, int, bool, Any]
"""A step on the way to where a subscription is filed: which table of a node, and the operand there."""
Used = tuple[Requirement, ...]
"""The requirements that the hops of a way stand for."""

_TABLES: Final[dict[AnchorKind, Any]] = {
    "texts": Exact,
    "numbers": Exact,
    "begins": Beginnings,
    "ends": Endings,
    "contains": Needles,
    "contains any": SharedNeedles,
    "present": Exact,
}
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

    def group(self, used: Used) -> tuple[tuple[Requirement, ...], tuple[Bound, ...], tuple[float, ...]]:
        """Return what is left to ask of it: requirements, bounds, and the thresholds of the bounds."""
        left = [one for one in self.requirements if one not in used or one.is_loose]
        if not any([one.bounds for one in left]):  # noqa: C419 (faster so)
            return tuple(left), (), ()
        bounded = [pair for one in left for pair in zip(one.bounds, one.thresholds, strict=True)]
        bounded.sort(key=_in_order)
        asked = tuple(one for one in left if not one.bounds)
        return asked, tuple(bound for bound, _ in bounded), tuple(threshold for _, threshold in bounded)


def _in_order(bounded: tuple[Bound, float]) -> tuple[int, bool, bool, bool]:
    bound = bounded[0]
    return bound.slot, bound.is_upper, bound.is_closed, bound.on_arrays


class Bucket:
    """Subscriptions that are found together: in groups that differ in what is left to ask, or divided by a node."""

    __slots__ = ("_hits", "crowd", "epoch", "groups", "node")

    def __init__(self, epoch: object) -> None:
        self.epoch = epoch
        self.groups: dict[tuple[tuple[Requirement, ...], tuple[Bound, ...]], Members] = {}
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
        copy.groups, copy.node, copy.crowd = self.groups.copy(), self.node, self.crowd
        return copy

    def add(self, entry: Entry, used: Used) -> None:
        """File a subscription in its group."""
        asked, bounds, thresholds = entry.group(used)
        members = self.groups.get((asked, bounds))
        if members is None:
            members = _members_of(bounds, self.epoch)
        elif members.epoch is not self.epoch:
            members = members.copy(self.epoch)
        members.add(entry, thresholds)
        self.groups[asked, bounds] = members

    def remove(self, entry: Entry, used: Used) -> None:
        """Take a subscription out of its group."""
        asked, bounds, thresholds = entry.group(used)
        members = self.groups[asked, bounds]
        if members.epoch is not self.epoch:
            members = self.groups[asked, bounds] = members.copy(self.epoch)
        members.remove(entry, thresholds)
        if not len(members):
            del self.groups[asked, bounds]


def _members_of(bounds: tuple[Bound, ...], epoch: object) -> Members:
    if not bounds:
        return Everyone(epoch)
    return Sorted(bounds[0], epoch) if len(bounds) == 1 else Boxes(bounds, epoch)


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


class Writer:
    """Files subscriptions under a node, and takes them out again, during one epoch."""

    def __init__(self, requirements: Requirements, epoch: object) -> None:
        self._requirements = requirements
        self._epoch = epoch

    def own(self, node: Node) -> Node:
        """Return the node, or a copy if a snapshot may hold it."""
        return node if node.epoch is self._epoch else node.copy(self._epoch)

    def file(self, node: Node, entry: Entry, way: tuple[Hop, ...] = (), used: Used = ()) -> None:
        """File a subscription under a node of this epoch, to which `way` leads."""
        chosen = self._requirements.most_selective(entry.candidates(used))
        if chosen is None or chosen.anchor is None:
            if node.bucket.epoch is not self._epoch:
                node.bucket = node.bucket.copy(self._epoch)
            node.bucket.add(entry, used)
            entry.places.append((way, used))
            return
        anchor, used = chosen.anchor, (*used, chosen)
        table = self._table(node, anchor)
        for operand in anchor.operands:
            bucket = self._bucket(table, operand)
            hops = (*way, (anchor.kind, anchor.slot, anchor.on_arrays, operand))
            if bucket.node is not None:
                bucket.node = self.own(bucket.node)
                self.file(bucket.node, entry, hops, used)
                continue
            bucket.add(entry, used)
            entry.places.append((hops, used))
            if len(bucket.groups) > bucket.crowd:
                self._divide(bucket, hops)

    def take_out(self, node: Node, entry: Entry) -> None:
        """Take a subscription out from under a node of this epoch."""
        for way, used in entry.places:
            self._take_out(node, entry, way, used)
        entry.places.clear()

    def _take_out(self, node: Node, entry: Entry, way: tuple[Hop, ...], used: Used) -> None:
        if not way:
            if node.bucket.epoch is not self._epoch:
                node.bucket = node.bucket.copy(self._epoch)
            node.bucket.remove(entry, used)
            return
        (kind, slot, on_arrays, operand), rest = way[0], way[1:]
        table = self._owned_table(node, (kind, slot, on_arrays))
        bucket = self._bucket(table, operand)
        if bucket.node is None:
            bucket.remove(entry, used)
        else:
            bucket.node = self.own(bucket.node)
            self._take_out(bucket.node, entry, rest, used)
        if bucket.is_empty:
            table.drop(operand)
            if not len(table):
                del node.tables[kind, slot, on_arrays]

    def _divide(self, bucket: Bucket, way: tuple[Hop, ...]) -> None:
        """Give a crowded bucket a node, unless too few of its subscriptions can be told apart by a lookup."""
        entries = [entry for members in bucket.groups.values() for entry in members]
        places = [next(place for place in entry.places if place[0] == way) for entry in entries]
        divisible = sum(entry.can_be_told(used) for entry, (_, used) in zip(entries, places, strict=True))
        if divisible * 2 < len(entries):
            bucket.crowd = len(bucket.groups) * 2
            return
        bucket.groups = {}
        bucket.node = Node(self._epoch)
        for entry, place in zip(entries, places, strict=True):
            entry.places.remove(place)
            self.file(bucket.node, entry, *place)

    def _table(self, node: Node, anchor: Anchor) -> Table:
        place = (anchor.kind, anchor.slot, anchor.on_arrays)
        if place not in node.tables:
            node.tables[place] = _TABLES[anchor.kind](self._epoch)
        return self._owned_table(node, place)

    def _owned_table(self, node: Node, place: tuple[AnchorKind, int, bool]) -> Table:
        table = node.tables[place]
        if table.epoch is not self._epoch:
            table = node.tables[place] = table.copy(self._epoch)
        return table

    def _bucket(self, table: Table, operand: Any) -> Bucket:  # noqa: ANN401 (a text or a number)
        bucket: Bucket | None = table.get(operand)
        if bucket is None:
            bucket = Bucket(self._epoch)
        elif bucket.epoch is self._epoch:
            return bucket
        else:
            bucket = bucket.copy(self._epoch)
        table.put(operand, bucket)
        return bucket
