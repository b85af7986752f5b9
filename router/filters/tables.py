"""Tables: from what an event has at one place to the subscriptions that are filed there."""

from collections.abc import Callable, Hashable, Sequence
from itertools import chain
from typing import Any, Final, Protocol

from router.filters.letters import fold
from router.filters.values import Values

Targets = Sequence[Any]
"""Of subscriptions that match: a list that others may have found too, so nobody changes it."""

Hit = tuple[tuple[tuple[int, Callable[[Any], bool]], ...], Targets | None, Callable[[Values], Targets] | None]
"""Subscriptions found: the checks that are left, and their targets, or what collects these."""

Find = Callable[[Any], Sequence[Hit]]
"""From a value to what is filed for it."""

_REMEMBERED: Final = 4096
_LONGEST_REMEMBERED: Final = 128
_MOST_MERGED: Final = 1_000_000
"""Targets in all lists that one table has merged; a few megabytes."""


def run(hits: Sequence[Hit], values: Values, found: list[Any]) -> None:
    """Ask what is left to ask of each hit, and add the targets of those for which all holds."""
    for checks, targets, collect in hits:
        for slot, accepts in checks:
            if not accepts(values[slot]):
                break
        else:
            if targets is not None:
                found += targets
            elif collect is not None:
                found += collect(values)


class Merged(dict[Any, "Sequence[Hit]"]):
    """Remembers hits that come together, those of which nothing is asked as one, within bounds of memory."""

    __slots__ = ("_room",)

    def __init__(self) -> None:
        super().__init__()
        self._room = _MOST_MERGED

    def keep(self, key: Hashable, hits: list[Hit]) -> Sequence[Hit]:
        """Remember hits, if there is room; return them."""
        if len(self) > _REMEMBERED:
            return hits
        plain = [hit[1] for hit in hits if not hit[0] and hit[1] is not None]
        targets = sum(map(len, plain))
        if len(plain) > 1 and targets <= self._room:
            self._room -= targets
            rest = [hit for hit in hits if hit[0] or hit[1] is None]
            hits = [((), list(dict.fromkeys(chain.from_iterable(plain))), None), *rest]
        self[key] = hits
        return hits


class Bucket(Protocol):
    """What is filed at one operand."""

    @property
    def hits(self) -> Sequence[Hit]:
        """What is found there."""
        ...


class Table(Protocol):
    """Buckets by operand; it changes only while its epoch is the index's."""

    epoch: object

    def __len__(self) -> int: ...

    def copy(self, epoch: object) -> "Table":
        """Return a copy that may change during `epoch`."""
        ...

    def get(self, operand: Any) -> Any:  # noqa: ANN401 (the node's bucket)
        """Return the bucket of an operand, or None."""
        ...

    def put(self, operand: Any, bucket: Bucket) -> None:  # noqa: ANN401 (a text or a number)
        """File a bucket."""
        ...

    def drop(self, operand: Any) -> None:  # noqa: ANN401 (a text or a number)
        """Forget the bucket of an operand."""
        ...

    @property
    def find(self) -> Find:
        """Finds what is filed at any operand that a value (a folded text or a number) meets."""
        ...


class Exact:
    """Buckets by what a value must equal."""

    __slots__ = ("_buckets", "_by_letters", "epoch")

    def __init__(self, epoch: object, buckets: dict[Any, Any] | None = None) -> None:
        self.epoch = epoch
        self._buckets = {} if buckets is None else buckets
        self._by_letters: _ByLetters | None = None

    def __len__(self) -> int:
        return len(self._buckets)

    def copy(self, epoch: object) -> "Exact":
        """Return a copy that may change during `epoch`."""
        return Exact(epoch, self._buckets.copy())

    def get(self, operand: Any) -> Any:  # noqa: ANN401 (the node's bucket)
        """Return the bucket of an operand, or None."""
        return self._buckets.get(operand)

    def put(self, operand: Any, bucket: Bucket) -> None:  # noqa: ANN401 (a text or a number)
        """File a bucket."""
        self._buckets[operand] = bucket

    def drop(self, operand: Any) -> None:  # noqa: ANN401 (a text or a number)
        """Forget the bucket of an operand."""
        del self._buckets[operand]

    @property
    def find(self) -> Find:
        """Finds what is filed at a value."""
        get = self._buckets.get

        def find(value: Any) -> Sequence[Hit]:  # noqa: ANN401 (a folded text or a number)
            bucket = get(value)
            return () if bucket is None else bucket.hits

        return find

    @property
    def by_letters(self) -> "dict[str, Sequence[Hit]]":
        """What `find` returns for a text, by the text as it is written; all texts are there when they are asked for."""
        if self._by_letters is None:
            self._by_letters = _ByLetters(self.find)
        return self._by_letters


class _ByLetters(dict[str, "Sequence[Hit]"]):
    """Remembers what is found for a text, which saves folding those that come often."""

    __slots__ = ("_find",)

    def __init__(self, find: Find) -> None:
        super().__init__()
        self._find = find

    def __missing__(self, text: str) -> Sequence[Hit]:
        found = self._find(fold(text))
        if len(self) < _REMEMBERED and len(text) <= _LONGEST_REMEMBERED:
            self[text] = found
        return found
