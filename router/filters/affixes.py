"""Affixes: tables by what a text must begin or end with, however many lengths there are."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Final

from router.filters.tables import Bucket, Find, Hit, Merged

_FEW: Final = 64


class Beginnings:
    """Buckets by what a text must begin with.

    The operands are kept in order, and of each is known the longest other that it begins with. The last operand that
    does not come after a text begins with all operands that the text begins with.
    """

    __slots__ = ("_buckets", "_find", "_operands", "_parents", "epoch")
    _direction: ClassVar[int] = 1

    def __init__(self, epoch: object) -> None:
        self.epoch = epoch
        self._buckets: dict[str, Any] = {}
        self._operands: list[str] = []
        self._parents: dict[str, str | None] = {}
        self._find: Find | None = None

    def __len__(self) -> int:
        return len(self._buckets)

    def copy(self, epoch: object) -> "Beginnings":
        """Return a copy that may change during `epoch`."""
        copy = type(self)(epoch)
        copy._buckets = self._buckets.copy()  # noqa: SLF001 (its own class)
        copy._operands = self._operands.copy()  # noqa: SLF001 (its own class)
        copy._parents = self._parents.copy()  # noqa: SLF001 (its own class)
        return copy

    def get(self, operand: str) -> Any:  # noqa: ANN401 (the node's bucket)
        """Return the bucket of an operand, or None."""
        return self._buckets.get(operand)

    def put(self, operand: str, bucket: Bucket) -> None:
        """File a bucket."""
        if operand not in self._buckets:
            place = bisect_left(self._operands, operand)
            parent = self._operands[place - 1] if place else None
            while parent is not None and not operand.startswith(parent):
                parent = self._parents[parent]
            self._parents[operand] = parent
            for longer in self._longer(place, operand):
                if self._parents[longer] == parent:
                    self._parents[longer] = operand
            self._operands.insert(place, operand)
        self._buckets[operand] = bucket

    def drop(self, operand: str) -> None:
        """Forget the bucket of an operand."""
        del self._buckets[operand]
        place = bisect_left(self._operands, operand)
        del self._operands[place]
        parent = self._parents.pop(operand)
        for longer in self._longer(place, operand):
            if self._parents[longer] == operand:
                self._parents[longer] = parent

    @property
    def find(self) -> Find:
        """Finds what is filed at any operand that a text begins with."""
        if self._find is None:
            self._find = _finder(self._operands, self._parents, self._buckets, self._direction)
        return self._find

    def _longer(self, place: int, operand: str) -> Iterable[str]:
        while place < len(self._operands) and self._operands[place].startswith(operand):
            yield self._operands[place]
            place += 1


def _finder(operands: list[str], parents: dict[str, str | None], buckets: dict[str, Any], direction: int) -> Find:
    chains = Merged()

    def chain(operand: str) -> Sequence[Hit]:
        hits: list[Hit] = []
        step: str | None = operand
        while step is not None:
            hits += buckets[step].hits
            step = parents[step]
        return chains.keep(operand, hits)

    def find(text: str) -> Sequence[Hit]:
        # Before the first operand stands the last, which the text does not begin with, being smaller.
        operand: str | None = operands[bisect_right(operands, text) - 1]
        while operand is not None:
            if text.startswith(operand):
                return chains.get(operand) or chain(operand)
            operand = parents[operand]
        return ()

    shortest = min(map(len, operands), default=0)
    heads = {operand[:shortest] for operand in operands}
    tells_much = len(heads) * 2 > len(operands) > _FEW

    def find_known(text: str) -> Sequence[Hit]:
        return find(text) if text[:shortest] in heads else ()

    if direction > 0:
        return find_known if tells_much else find
    tails = {head[::-1] for head in heads}

    def find_known_backwards(text: str) -> Sequence[Hit]:
        return find(text[::-1]) if text[-shortest:] in tails else ()

    return find_known_backwards if tells_much else lambda text: find(text[::-1])


class Endings(Beginnings):
    """Buckets by what a text must end with: beginnings, read backwards."""

    __slots__ = ()
    _direction: ClassVar[int] = -1

    def get(self, operand: str) -> Any:  # noqa: ANN401 (the node's bucket)
        """Return the bucket of an operand, or None."""
        return super().get(operand[::-1])

    def put(self, operand: str, bucket: Bucket) -> None:
        """File a bucket."""
        super().put(operand[::-1], bucket)

    def drop(self, operand: str) -> None:
        """Forget the bucket of an operand."""
        super().drop(operand[::-1])
