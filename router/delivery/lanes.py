"""Lanes: one for each subscription, so that a slow or dead endpoint never holds up another.

A lane holds what its endpoint can take within a short while at its present pace; what is beyond that must wait
elsewhere. Whose turn it is goes round among the lanes that may send. Pure bookkeeping: time is passed in, in seconds.
"""

from collections import deque
from datetime import timedelta
from heapq import heappop, heappush
from itertools import count
from typing import Final, Generic, NamedTuple, TypeVar

from router.delivery.concurrency import Concurrency
from router.delivery.probation import FAILING, GOOD, is_overload
from router.handlers.outcome import Delivered, Outcome
from topics.retries import DELAYS

Item = TypeVar("Item")

IN_FLIGHT_LIMIT: Final = 2_000
LANE_SHARE: Final = 0.5
"""A lane may have so much of what is still free under way: endpoints that hang never take everything."""

LANE_IN_FLIGHT_LEAST: Final = 4
BURST_SECONDS: Final = 0.25
"""What a lane with a rate did not use for so long it may send at once."""

LANE_SECONDS: Final = 20.0
"""More than the shortest retry topic holds back, so that a lane whose overflow waits there never runs dry."""

LANE_LEAST: Final = 256
LANE_MOST: Final = 20_000
LANE_BYTES: Final = 16 * 1024 * 1024
ALL_WAITING: Final = 50_000
ALL_BYTES: Final = 128 * 1024 * 1024
PACE_SECONDS: Final = 2.0
"""The pace of an endpoint is measured over so long; less may be this process's own, when it has much to read."""

PARKING_SECONDS: Final = 10.0
PARKING_SECONDS_WHEN_FAILING: Final = 60.0
"""For what waits behind the one delivery that goes first after a probation."""

PARKED_SHARE: Final = 1 / 3
_PARKED_STEPS: Final = tuple(delay.total_seconds() for delay in DELAYS if delay <= timedelta(hours=1))
"""What is parked comes back after a share of the time for which its endpoint has been failing, an hour at most.

Were it after each probation, the whole backlog would travel each time: after an hour, a hundred records for each that
is owed. It is a step of the schedule, so that in one retry topic all wait for about as long, and nobody behind others.
"""

OVERDUE_SECONDS: Final = 0.02

_LANES_KEPT: Final = 10_000


class Lane(Generic[Item]):
    """What waits for one subscription, how many are under way, and how its endpoint has been doing.

    The pace (items a second) is known only while the lane is behind: all that may be under way is, and more waits.
    """

    __slots__ = (
        *("behind_since", "bytes", "concurrency", "conduct", "ended", "in_flight", "in_turn", "key", "next_at"),
        *("pace", "rate", "sent_ahead", "waiting"),
    )

    def __init__(self, key: str) -> None:
        self.key = key
        self.waiting: deque[tuple[Item, int]] = deque()
        self.bytes = 0
        self.in_flight = 0
        self.concurrency = Concurrency()
        self.conduct = GOOD
        self.rate: float | None = None
        self.next_at = 0.0
        self.in_turn = False
        self.behind_since: float | None = None
        self.ended = 0
        self.pace: float | None = None
        self.sent_ahead: float | None = None

    def limit(self, now: float) -> int:
        """Return how many may be under way, as far as its endpoint is concerned."""
        if self.conduct is GOOD:  # nearly always, and asked several times for each delivery
            return self.concurrency.limit
        match self.conduct.standing(now):
            case "open":
                return self.concurrency.limit
            case "to be probed":
                return 1
            case "on probation":
                return 0

    def is_held(self, now: float) -> bool:
        """Say whether nothing may go out or wait here, its endpoint being on probation."""
        return self.conduct is not GOOD and self.conduct.standing(now) == "on probation"

    def held_for(self, now: float) -> float:
        """Return for how many seconds its endpoint is still on probation."""
        return max(0.0, (self.conduct.until or 0.0) - now) if self.conduct.is_failing else 0.0

    def parking_seconds(self, now: float) -> float:
        """Return for how many seconds an item that cannot wait here should wait elsewhere.

        The first of each probation is back when that ends, to go first; the others take more time.
        """
        conduct, held = self.conduct, self.held_for(now)
        if not conduct.is_failing:
            return PARKING_SECONDS
        if held > 0 and self.sent_ahead != conduct.until:
            self.sent_ahead = conduct.until
            return max(PARKING_SECONDS, held)
        failing_for = 0.0 if conduct.since is None else now - conduct.since
        least = PARKING_SECONDS if held > 0 else PARKING_SECONDS_WHEN_FAILING
        return max(
            least, held, max((step for step in _PARKED_STEPS if step <= failing_for * PARKED_SHARE), default=0.0)
        )

    def pause(self, now: float) -> float:
        """Return for how many seconds its rate lets nothing go out."""
        return 0.0 if self.rate is None else max(0.0, self.next_at - now)

    def one_begun(self, now: float) -> None:
        """Count a request against the rate."""
        if self.rate is not None:
            self.next_at = max(self.next_at, now - BURST_SECONDS) + 1 / self.rate

    def capacity(self, now: float) -> int:
        """How many may wait: as many as the endpoint takes in `LANE_SECONDS` at its pace; none on probation."""
        if self.is_held(now):
            return 0
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

    def one_ended(self, now: float, members: int) -> None:
        """Measure the pace."""
        self.ended += members
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
        self._paused: list[tuple[float, int, Lane[Item]]] = []
        self._numbers = count()
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
        if lane.is_held(now):
            return lane
        # An idle lane takes anything, however large.
        if lane.waiting and (len(lane.waiting) >= lane.capacity(now) or lane.bytes + size > LANE_BYTES):
            return lane
        lane.waiting.append((item, size))
        self._count(lane, 1, size)
        if not self._may_send(lane, now):
            lane.fell_behind(now)
        self._line_up(lane, now)
        return None

    def beware(self, key: str) -> None:
        """Let one item go first in a lane that is not known here, as its endpoint was failing when it was elsewhere."""
        if key not in self._lanes:
            lane = self._lanes[key] = Lane(key)
            lane.conduct = FAILING

    def next(self, now: float) -> Turn[Item] | None:
        """Return the item whose turn it is, or None when none may go out."""
        if self.in_flight >= IN_FLIGHT_LIMIT:
            return None
        while self._paused and self._paused[0][0] <= now:
            lane = heappop(self._paused)[2]
            lane.in_turn = False
            self._line_up(lane, now)
        due = self._whose_turn(now)
        if due is None:
            return None
        item, size = due.waiting.popleft()
        self._count(due, -1, -size)
        due.one_begun(now)
        turn = self.also(Turn(item, due))
        if due.waiting and not self._may_send(due, now):
            due.fell_behind(now)
        self._line_up(due, now)
        return turn

    def more(self, turn: Turn[Item], number: int, size: int) -> list[Item]:
        """Take out what else waits in a turn's lane, `number` items and `size` bytes at most, to go with it."""
        lane, taken = turn.lane, list[Item]()
        while lane.waiting and len(taken) < number and lane.waiting[0][1] <= size:
            item, its_size = lane.waiting.popleft()
            size -= its_size
            self._count(lane, -1, -its_size)
            taken.append(item)
        return taken

    def also(self, turn: Turn[Item]) -> Turn[Item]:
        """Count one more request as under way, which must be given back too."""
        turn.lane.in_flight += 1
        self.in_flight += 1
        return turn

    def finished(self, turn: Turn[Item], now: float, outcome: Outcome | None, members: int = 1) -> None:
        """Take a request for so many items back; `outcome` is None when no attempt was made."""
        lane = turn.lane
        at_limit = lane.in_flight >= lane.limit(now)
        lane.in_flight -= 1
        self.in_flight -= 1
        lane.one_ended(now, members)
        if outcome is not None:
            lane.conduct = lane.conduct.after(outcome, now)
            if isinstance(outcome, Delivered):
                lane.concurrency.succeeded(outcome.duration_ms, at_limit=at_limit)
            elif is_overload(outcome):
                lane.concurrency.overloaded()
        self._line_up(lane, now)
        if not (lane.waiting or lane.in_flight or lane.conduct.is_failing) and len(self._lanes) > _LANES_KEPT:
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
        self._paused.clear()
        self.waiting = self.bytes = 0

    def next_pause_ends(self, now: float) -> float | None:
        """Return when to look again at the first lane that its rate holds back; None when there is none.

        What may go out already and did not is held back by something else, too: a moment later is soon enough.
        """
        if not self._paused:
            return None
        due = self._paused[0][0]
        return due if due > now else now + OVERDUE_SECONDS

    def _whose_turn(self, now: float) -> Lane[Item] | None:
        while self._turns:
            lane = self._turns.popleft()
            lane.in_turn = False
            # What it waited for may have been taken out, or its endpoint begun to fail.
            if self._may_send(lane, now):
                if lane.pause(now) == 0:
                    return lane
                self._line_up(lane, now)
        return None

    def _may_send(self, lane: Lane[Item], now: float) -> bool:
        if not lane.waiting or lane.in_flight >= lane.limit(now):
            return False
        return lane.in_flight < max(LANE_IN_FLIGHT_LEAST, (IN_FLIGHT_LIMIT - self.in_flight) * LANE_SHARE)

    def _count(self, lane: Lane[Item], items: int, size: int) -> None:
        lane.bytes += size
        self.bytes += size
        self.waiting += items

    def _line_up(self, lane: Lane[Item], now: float) -> None:
        if lane.in_turn or not self._may_send(lane, now):
            return
        lane.in_turn = True
        pause = lane.pause(now)
        if pause > 0:
            heappush(self._paused, (now + pause, next(self._numbers), lane))
        else:
            self._turns.append(lane)
