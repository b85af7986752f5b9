"""Members: subscriptions that differ in nothing but their thresholds, so that an event is compared with all at once."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from router.filters.requirements import Bound
from router.filters.values import Values, elements_of


class Entry(Protocol):
    """A subscription as members know it."""

    @property
    def target(self) -> Any:  # noqa: ANN401 (what the user of the index filed)
        """What is found when it matches."""
        ...


class Members(Protocol):
    """A group of subscriptions; it changes only while its epoch is the index's."""

    epoch: object

    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...

    def copy(self, epoch: object) -> "Members":
        """Return a copy that may change during `epoch`."""
        ...

    def add(self, entry: Any, row: tuple[Any, ...]) -> None:  # noqa: ANN401 (a subscription)
        """Take in a subscription."""
        ...

    def remove(self, entry: Any, row: tuple[Any, ...]) -> None:  # noqa: ANN401 (a subscription)
        """Let go of a subscription."""
        ...

    def collect(self, values: Values) -> Sequence[Any]:
        """Return the targets of those that match; nobody may change what is returned."""
        ...


def number_for(bound: Bound, values: Values) -> Any:  # noqa: ANN401 (a number, or None)
    """Return the number that a bound is compared with: of an array the one that passes if any does."""
    value = values[bound.slot]
    if value.__class__ is float or value.__class__ is int:
        return value
    if value.__class__ is list and bound.on_arrays:
        numbers = elements_of(value).numbers
        if numbers:
            return numbers[0] if bound.is_upper else numbers[-1]
    return None


class Everyone:
    """Members without thresholds: all match."""

    __slots__ = ("_entries", "_targets", "epoch")

    def __init__(self, epoch: object, entries: dict[Any, None] | None = None) -> None:
        self.epoch = epoch
        self._entries = {} if entries is None else entries
        self._targets: list[Any] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._entries)

    def copy(self, epoch: object) -> "Everyone":
        """Return a copy that may change during `epoch`."""
        return Everyone(epoch, self._entries.copy())

    def add(self, entry: Entry, _row: tuple[Any, ...]) -> None:
        """Take in a subscription."""
        self._entries[entry] = None
        self._targets = None

    def remove(self, entry: Entry, _row: tuple[Any, ...]) -> None:
        """Let go of a subscription."""
        del self._entries[entry]
        self._targets = None

    @property
    def targets(self) -> list[Any]:
        """The targets of all."""
        if self._targets is None:
            self._targets = [entry.target for entry in self._entries]
        return self._targets

    def collect(self, _values: Values) -> Sequence[Any]:
        """Return the targets of all."""
        return self.targets


class Sorted:
    """Members with one threshold each, in its order: those that match are a beginning or an end of the list."""

    __slots__ = ("_bound", "_entries", "_place", "_targets", "_thresholds", "epoch")

    def __init__(self, bound: Bound, epoch: object) -> None:
        self.epoch = epoch
        self._bound = bound
        self._place = bisect_left if bound.is_upper is bound.is_closed else bisect_right
        self._thresholds: list[float] = []
        self._entries: list[Any] = []
        self._targets: list[Any] = []

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._entries)

    def copy(self, epoch: object) -> "Sorted":
        """Return a copy that may change during `epoch`."""
        copy = Sorted(self._bound, epoch)
        copy._thresholds = self._thresholds.copy()
        copy._entries = self._entries.copy()
        copy._targets = self._targets.copy()
        return copy

    def add(self, entry: Entry, row: tuple[Any, ...]) -> None:
        """Take in a subscription."""
        place = bisect_right(self._thresholds, row[0])
        self._thresholds.insert(place, row[0])
        self._entries.insert(place, entry)
        self._targets.insert(place, entry.target)

    def remove(self, entry: Entry, row: tuple[Any, ...]) -> None:
        """Let go of a subscription."""
        place = self._entries.index(entry, bisect_left(self._thresholds, row[0]))
        del self._thresholds[place], self._entries[place], self._targets[place]

    def collect(self, values: Values) -> Sequence[Any]:
        """Return the targets of those that match."""
        number = number_for(self._bound, values)
        if number is None:
            return []
        place = self._place(self._thresholds, number)
        return self._targets[place:] if self._bound.is_upper else self._targets[:place]
