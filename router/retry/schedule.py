"""What waits until when, kept within bounds. Pure: time is passed in."""

from collections import defaultdict
from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heappop, heappush
from itertools import count
from typing import Final, Generic, TypeVar

Place = TypeVar("Place", bound=Hashable)
Item = TypeVar("Item")

PLACE_RECORDS: Final = 10_000
PLACE_BYTES: Final = 4 * 1024 * 1024


@dataclass(order=True, slots=True)
class _Waiting(Generic[Place, Item]):
    due: datetime
    number: int
    place: Place = field(compare=False)
    item: Item = field(compare=False)
    size: int = field(compare=False)


class Schedule(Generic[Place, Item]):
    """Items by the time they are due, and how much waits of each place that they were read from."""

    def __init__(self) -> None:
        self._heap: list[_Waiting[Place, Item]] = []
        self._numbers = count()
        self._records: defaultdict[Place, int] = defaultdict(int)
        self._bytes: defaultdict[Place, int] = defaultdict(int)

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, place: Place, due: datetime, item: Item, size: int) -> None:
        """Let an item of `size` bytes wait until it is due."""
        heappush(self._heap, _Waiting(due, next(self._numbers), place, item, size))
        self._records[place] += 1
        self._bytes[place] += size

    def is_full(self, place: Place) -> bool:
        """Whether no more should be read from a place for now."""
        return self._records[place] >= PLACE_RECORDS or self._bytes[place] >= PLACE_BYTES

    def take_due(self, now: datetime) -> list[tuple[Place, Item]]:
        """Take out all items that are due, the earliest first."""
        due = []
        while self._heap and self._heap[0].due <= now:
            waiting = heappop(self._heap)
            self._records[waiting.place] -= 1
            self._bytes[waiting.place] -= waiting.size
            due.append((waiting.place, waiting.item))
        return due

    def clear(self) -> None:
        """Forget everything."""
        self._heap.clear()
        self._records.clear()
        self._bytes.clear()
