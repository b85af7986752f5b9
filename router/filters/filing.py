"""Filing: where a subscription is put in the index, and how it is taken out again."""

from typing import Any, Final

from router.filters.affixes import Beginnings, Endings
from router.filters.needles import Needles, SharedNeedles
from router.filters.nodes import Bucket, Entry, Hop, Node, Used
from router.filters.requirements import Anchor, AnchorKind, Requirements
from router.filters.tables import Exact, Table

_TABLES: Final[dict[AnchorKind, Any]] = {
    "texts": Exact,
    "numbers": Exact,
    "begins": Beginnings,
    "ends": Endings,
    "contains": Needles,
    "contains any": SharedNeedles,
    "present": Exact,
}


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
            if len(node.bucket.groups) > node.bucket.crowd:
                _merge(node.bucket, way)
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
        places = [_place(entry, way) for entry in entries]
        divisible = sum(entry.can_be_told(used) for entry, (_, used) in zip(entries, places, strict=True))
        if divisible * 2 < len(entries):
            _merge(bucket, way)
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


def _merge(bucket: Bucket, way: tuple[Hop, ...]) -> None:
    """Put those into one group that only negations or intervals keep apart; then wait until it is twice as crowded."""
    if not bucket.merges:
        for entry in bucket.take_mergeable():
            bucket.add(entry, _place(entry, way)[1])
    bucket.crowd = max(bucket.crowd, len(bucket.groups) * 2)


def _place(entry: Entry, way: tuple[Hop, ...]) -> tuple[tuple[Hop, ...], Used]:
    return next(place for place in entry.places if place[0] == way)
