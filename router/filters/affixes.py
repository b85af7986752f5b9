"""Affixes: tables by what a text must begin or end with, however many lengths there are."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Final

from router.filters.tables import Bucket, Find, Hit, Merged

Gate = tuple[slice, Mapping[str, int]]
Parts = tuple[slice, Mapping[str, Sequence[Hit]]]

_FEW: Final = 64
_LONGEST_HEAD: Final = 64
_MOST_KNOWN: Final = 4096


class Beginnings:
    """Buckets by what a text must begin with.

    The operands are kept in order, and of each is known the longest other that it begins with. The last operand that
    does not come after a text begins with all operands that the text begins with.
    """

    __slots__ = ("_buckets", "_heads", "_longest", "_operands", "_parents", "_parts", "_shortest", "epoch")
    _direction: ClassVar[int] = 1

    def __init__(self, epoch: object) -> None:
        self.epoch = epoch
        self._buckets: dict[str, Any] = {}
        self._operands: list[str] = []
        self._parents: dict[str, str | None] = {}
        # How many operands begin so (in Endings: end so), by what all are long enough for.
        self._heads: dict[str, int] = {}
        self._shortest = _LONGEST_HEAD
        self._longest = 0
        self._parts: Parts | None = None

    def __len__(self) -> int:
        return len(self._buckets)

    def copy(self, epoch: object) -> "Beginnings":
        """Return a copy that may change during `epoch`."""
        copy = type(self)(epoch)
        copy._buckets = self._buckets.copy()  # noqa: SLF001 (its own class)
        copy._operands = self._operands.copy()  # noqa: SLF001 (its own class)
        copy._parents = self._parents.copy()  # noqa: SLF001 (its own class)
        copy._heads, copy._shortest = self._heads.copy(), self._shortest  # noqa: SLF001 (its own class)
        copy._longest = self._longest  # noqa: SLF001 (its own class)
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
            self._longest = max(self._longest, len(operand))
            self._count_head(operand)
        self._buckets[operand] = bucket

    def drop(self, operand: str) -> None:
        """Forget the bucket of an operand."""
        del self._buckets[operand]
        place = bisect_left(self._operands, operand)
        del self._operands[place]
        head = self._head(operand)
        self._heads[head] -= 1
        if not self._heads[head]:
            del self._heads[head]
        parent = self._parents.pop(operand)
        for longer in self._longer(place, operand):
            if self._parents[longer] == operand:
                self._parents[longer] = parent

    @property
    def find(self) -> Find:
        """Finds what is filed at any operand that a text begins with."""
        part, by_part = self.parts
        return lambda text: by_part[text[part]]

    @property
    def parts(self) -> Parts:
        """What of a text can matter, and what `find` returns, by that; all parts are there when they are asked for."""
        if self._parts is None:
            chains = _Chains(self._operands, self._parents, self._buckets, self._direction)
            self._parts = self._slice(self._longest), _ByPart(chains.seek)
        return self._parts

    @property
    def gate(self) -> Gate | None:
        """What of a text is among the heads of operands, or it needs not be looked up; None where that tells little."""
        if not len(self._heads) * 2 > len(self._operands) > _FEW:
            return None
        return self._slice(self._shortest), self._heads

    def _slice(self, length: int) -> slice:
        return slice(None, length) if self._direction > 0 else slice(-length, None)

    def _head(self, operand: str) -> str:
        return operand[: self._shortest][:: self._direction]

    def _count_head(self, operand: str) -> None:
        if len(operand) < self._shortest:
            self._shortest = len(operand)
            self._heads = Counter(map(self._head, self._operands))
        else:
            head = self._head(operand)
            self._heads[head] = self._heads.get(head, 0) + 1

    def _longer(self, place: int, operand: str) -> Iterable[str]:
        while place < len(self._operands) and self._operands[place].startswith(operand):
            yield self._operands[place]
            place += 1


class _ByPart(dict[str, "Sequence[Hit]"]):
    """Remembers what is found. Finding a place among thousands costs a dozen cache misses."""

    __slots__ = ("_seek",)

    def __init__(self, seek: Find) -> None:
        super().__init__()
        self._seek = seek

    def __missing__(self, part: str) -> Sequence[Hit]:
        found = self._seek(part)
        if len(self) < _MOST_KNOWN and len(part) <= _LONGEST_HEAD:
            self[part] = found
        return found


class _Chains:
    """What is filed at an operand and all that it begins with."""

    __slots__ = ("_buckets", "_direction", "_known", "_operands", "_parents")

    def __init__(
        self, operands: list[str], parents: dict[str, str | None], buckets: dict[str, Any], direction: int
    ) -> None:
        self._operands, self._parents, self._buckets, self._direction = operands, parents, buckets, direction
        self._known = Merged()

    def seek(self, part: str) -> Sequence[Hit]:
        """Return what is filed at any operand that a text begins with."""
        text = part[:: self._direction]
        # Before the first operand stands the last, which the text does not begin with, being smaller.
        operand: str | None = self._operands[bisect_right(self._operands, text) - 1]
        while operand is not None:
            if text.startswith(operand):
                return self._known.get(operand) or self._chain(operand)
            operand = self._parents[operand]
        return ()

    def _chain(self, operand: str) -> Sequence[Hit]:
        hits: list[Hit] = []
        step: str | None = operand
        while step is not None:
            hits += self._buckets[step].hits
            step = self._parents[step]
        return self._known.keep(operand, hits)


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
