"""Lanes: one for each subscription, so that a slow or dead endpoint never holds up another.

A lane holds what its endpoint can take within a short while at its present pace; what is beyond that must wait
elsewhere. Whose turn it is goes round among the lanes that may send. Pure bookkeeping: time is passed in, in seconds.
"""

from collections import deque
from typing import Final, Generic, NamedTuple, TypeVar

Item = TypeVar("Item")

IN_FLIGHT_LIMIT: Final = 1_000
LANE_IN_FLIGHT_LIMIT: Final = 64
LANE_SECONDS: Final = 20.0
"""More than the shortest retry topic holds back, so that a lane whose overflow waits there never runs dry."""

LANE_LEAST: Final = 256
LANE_MOST: Final = 20_000
LANE_BYTES: Final = 16 * 1024 * 1024
ALL_WAITING: Final = 50_000
ALL_BYTES: Final = 128 * 1024 * 1024
FAILING_AFTER: Final = 10
"""So many failures in a row make an endpoint one that fails (§5.4); it is then tried one at a time."""

PACE_SECONDS: Final = 2.0
"""The pace of an endpoint is measured over so long; less may be this process's own, when it has much to read."""

_LANES_KEPT: Final = 10_000


class Lane(Generic[Item]):
    """What waits for one subscription, how many are under way, and how its endpoint has been doing.

    The pace (items a second) is known only while the lane is behind: all that may be under way is, and more waits.
    """

    __slots__ = ("behind_since", "bytes", "ended", "failures", "in_flight", "in_turn", "key", "pace", "waiting")

    def __init__(self, key: str) -> None:
        self.key = key
        self.waiting: deque[tuple[Item, int]] = deque()
        self.bytes = 0
        self.in_flight = 0
        self.failures = 0
        self.in_turn = False
        self.behind_since: float | None = None
        self.ended = 0
        self.pace: float | None = None

    @property
    def is_failing(self) -> bool:
        """Whether its endpoint has failed many times in a row."""
        return self.failures >= FAILING_AFTER

    @property
    def may_send(self) -> bool:
        """Whether something waits that may go out."""
        limit = 1 if self.is_failing else LANE_IN_FLIGHT_LIMIT
        return bool(self.waiting) and self.in_flight < limit

    def capacity(self, now: float) -> int:
        """How many may wait: as many as the endpoint takes in `LANE_SECONDS` at its pace."""
        pace = self.pace
        if self.behind_since is not None and now - self.behind_since >= PACE_SECONDS:
            pace = self.ended / (now - self.behind_since)
        if pace is None:
            return LANE_MOST
        return min(max(int(pace * LANE_SECONDS), LANE_LEAST), LANE_MOST)

    def fell_behind(self, now: float) -> None:
        """Begin to measure, unless that is under way."""
        if self.behind_since is None:
            self.behind_since, self.ended = now, 0

    def one_ended(self, now: float) -> None:
        """Measure the pace."""
        self.ended += 1
        if not self.waiting:
            self.behind_since = self.pace = None
        elif self.behind_since is not None and now - self.behind_since >= PACE_SECONDS:
            self.pace = self.ended / (now - self.behind_since)
            self.behind_since, self.ended = now, 0


class Turn(NamedTuple, Generic[Item]):
    """An item whose turn it is; it must be given back with `Lanes.finished`."""

    item: Item
    lane: Lane[Item]


class Lanes(Generic[Item]):
    """All lanes, within limits that hold for all of them together."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane[Item]] = {}
        self._turns: deque[Lane[Item]] = deque()
        self.waiting = 0
        self.bytes = 0
        self.in_flight = 0

    @property
    def is_full(self) -> bool:
        """Whether nothing more should be read for now."""
        return self.waiting >= ALL_WAITING or self.bytes >= ALL_BYTES

    def offer(self, key: str, item: Item, size: int, now: float) -> Lane[Item] | None:
        """Let an item of `size` bytes wait in its lane; return the lane when it is full instead."""
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key)
        # An idle lane takes anything, however large.
        if lane.waiting and (len(lane.waiting) >= lane.capacity(now) or lane.bytes + size > LANE_BYTES):
            return lane
        lane.waiting.append((item, size))
        self._count(lane, 1, size)
        if not lane.may_send:
            lane.fell_behind(now)
        self._line_up(lane)
        return None

    def next(self, now: float) -> Turn[Item] | None:
        """Return the item whose turn it is, or None when none may go out."""
        if self.in_flight >= IN_FLIGHT_LIMIT:
            return None
        lane = self._whose_turn()
        if lane is None:
            return None
        item, size = lane.waiting.popleft()
        self._count(lane, -1, -size)
        lane.in_flight += 1
        self.in_flight += 1
        if lane.waiting and not lane.may_send:
            lane.fell_behind(now)
        self._line_up(lane)
        return Turn(item, lane)

    def finished(self, turn: Turn[Item], now: float, *, succeeded: bool | None) -> None:
        """Take an item back; `succeeded` is None when no attempt was made."""
        lane = turn.lane
        lane.in_flight -= 1
        self.in_flight -= 1
        lane.one_ended(now)
        if succeeded is not None:
            lane.failures = 0 if succeeded else lane.failures + 1
        self._line_up(lane)
        if not lane.waiting and not lane.in_flight and len(self._lanes) > _LANES_KEPT:
            del self._lanes[lane.key]

    def overflow(self, lane: Lane[Item], now: float) -> list[Item]:
        """Take out the newest items of a lane that has become too slow for them."""
        excess = len(lane.waiting) - lane.capacity(now)
        taken = []
        for _ in range(excess):
            item, size = lane.waiting.pop()
            self._count(lane, -1, -size)
            taken.append(item)
        return taken[::-1]

    def clear(self) -> None:
        """Forget everything that waits."""
        for lane in self._lanes.values():
            lane.waiting.clear()
            lane.bytes = 0
            lane.in_turn = False
        self._turns.clear()
        self.waiting = self.bytes = 0

    def _whose_turn(self) -> Lane[Item] | None:
        while self._turns:
            lane = self._turns.popleft()
            lane.in_turn = False
            # What it waited for may have been taken out, or its endpoint begun to fail.
            if lane.may_send:
                return lane
        return None

    def _count(self, lane: Lane[Item], items: int, size: int) -> None:
        lane.bytes += size
        self.bytes += size
        self.waiting += items

    def _line_up(self, lane: Lane[Item]) -> None:
        if not lane.in_turn and lane.may_send:
            lane.in_turn = True
            self._turns.append(lane)
