"""The delivery stage: router.deliveries in, one attempt each, and what follows from it out.

A plain consumer rather than Faust: attempts end out of order, and a delivery counts as done only once Kafka has what
follows from it (docs/decisions).
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple, Protocol

from router.delivery.batches import Member, grouped, member_of, request_of, room_beside
from router.delivery.lanes import Lane, Lanes, Turn
from router.delivery.probation import PROBATION
from router.delivery.records import dead_letter, expired, parked, read_owed, records_of
from router.delivery.report import Report
from router.delivery.retry_policy import JITTER
from router.delivery.settle import GiveUp, is_expired, settle, within_life
from router.delivery.standing import Deliver, Drop, Wait, standing_of
from router.events.envelope import UnreadableEventError
from router.handlers import Handler
from router.kafka.outbox import Outbox
from router.kafka.producer import Message, Producer
from router.kafka.tasks import Tasks
from router.kafka.work_queue import Work, WorkQueue
from router.observability.metrics import Metrics
from router.settings import Settings
from topics.deliveries import DELIVERIES, Delivery
from topics.subscriptions import Subscription
from topics.unreadable import UNREADABLE, unreadable_headers

GROUP: Final = "router-delivery"
STOP_SECONDS: Final = 10.0
OUTBOX_LIMIT: Final = 2_000
"""What is not acknowledged yet is delivered again after a crash."""

OUTBOX_WRITERS: Final = 4
FORGET_SECONDS: Final = 60.0
"""So often it is looked for subscriptions that are gone."""

_TAKE_SECONDS: Final = 0.2
_FULL_SECONDS: Final = 0.02
_BREATHE_EVERY: Final = 100


class Subscriptions(Protocol):
    """What delivery asks of the view."""

    def get(self, resource_id: str) -> Subscription | None:
        """Return a subscription, or None."""
        ...


class _Item(NamedTuple):
    work: Work
    delivery: Delivery


class DeliveryAgent:
    """Delivers to push sinks; start it, and watch `check` and `wait_until_crashed`."""

    def __init__(
        self,
        settings: Settings,
        *,
        subscriptions: Subscriptions,
        handler: Handler,
        producer: Producer,
        metrics: Metrics,
        now: Callable[[], datetime],
        random_fraction: Callable[[], float] = random.random,
    ) -> None:
        self._subscriptions = subscriptions
        self._handler = handler
        self._report = Report(metrics, GROUP)
        self._now = now
        self._random_fraction = random_fraction
        self._lanes: Lanes[_Item] = Lanes()
        self._outbox = Outbox(producer)
        self._leave_on_stop = settings.leave_on_stop
        self._queue = WorkQueue(
            settings.bootstrap_servers,
            group=GROUP,
            instance=settings.instance,
            topics=(DELIVERIES.name,),
            report_lag=self._report.lag,
        )
        self._tasks = Tasks()
        self._reading: asyncio.Task[None] | None = None
        self._wake_at: float | None = None

    async def start(self) -> None:
        """Begin to read and to deliver."""
        for _ in range(OUTBOX_WRITERS):
            self._tasks.spawn(self._outbox.run())
        self._tasks.spawn(self._queue.run())
        self._reading = self._tasks.spawn(self._read())
        self._tasks.spawn(self._forget_who_is_gone())

    async def stop(self) -> None:
        """Read no more, let what is under way end within `STOP_SECONDS`, commit, leave."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        self._lanes.clear()
        await self._queue.stop(STOP_SECONDS, leave=self._leave_on_stop)
        await self._tasks.cancel()
        await self._handler.close()

    async def check(self) -> str | None:
        """Say why deliveries are not made, or None."""
        if self._tasks.crash is not None:
            return f"crashed: {self._tasks.crash!r}"
        return None if self._queue.is_assigned else "waiting for partitions"

    async def wait_until_crashed(self) -> Exception:
        """Return the error that ended the stage."""
        return await self._tasks.wait_until_crashed()

    async def _read(self) -> None:
        generation = self._queue.generation
        while True:
            if self._lanes.is_full or len(self._outbox) > OUTBOX_LIMIT:
                await asyncio.sleep(_FULL_SECONDS)
            else:
                works = await self._queue.take(_TAKE_SECONDS)
                if self._queue.generation != generation:
                    generation = self._queue.generation
                    self._lanes.clear()
                await self._accept_all(works)
            self._send()

    async def _accept_all(self, works: list[Work]) -> None:
        for count, work in enumerate(works, start=1):
            self._accept(work)
            if count % _BREATHE_EVERY == 0:
                self._send()
                await asyncio.sleep(0)

    def _accept(self, work: Work) -> None:
        """Put a record into the lane of its subscription, or aside."""
        record = work.record
        try:
            delivery = Delivery.from_record(_value_of(record.value), record.headers)
        except ValueError as error:
            self._set_aside(work, str(error))
            return
        if delivery.due is not None:
            subscription = self._subscriptions.get(delivery.subscription_id)
            if subscription is not None and is_expired(delivery, subscription.retry_policy, self._now()):
                self._expire(work, delivery, subscription)
                return
            if delivery.last_outcome == PROBATION:
                self._lanes.beware(delivery.subscription_id.lower())
        item = _Item(work, delivery)
        full = self._lanes.offer(delivery.subscription_id.lower(), item, len(delivery.event), time.monotonic())
        if full is not None:
            self._park(item, full)

    def _send(self) -> None:
        """Begin all attempts that may begin now."""
        while len(self._outbox) <= OUTBOX_LIMIT:
            turn = self._lanes.next(time.monotonic())
            if turn is None:
                break
            if not self._begin(turn):
                self._lanes.finished(turn, time.monotonic(), None)
        self._report.in_flight(self._lanes.in_flight)
        self._wake_for_rates()

    def _wake_for_rates(self) -> None:
        """Send again when the first lane that its rate holds back may."""
        now = time.monotonic()
        due = self._lanes.next_pause_ends(now)
        if due is not None and (self._wake_at is None or due < self._wake_at):
            self._wake_at = due
            asyncio.get_running_loop().call_later(due - now, self._woken)

    def _woken(self) -> None:
        self._wake_at = None
        if self._reading is not None and not self._reading.done():
            self._send()

    def _begin(self, turn: Turn[_Item]) -> bool:
        """Begin an attempt; False when none is to be made."""
        work, delivery = turn.item
        subscription = self._subscriptions.get(delivery.subscription_id)
        written = datetime.fromtimestamp(max(work.record.timestamp, 0) / 1000, UTC)
        match standing_of(subscription, delivery, written=written, now=self._now()):
            case Drop(reason):
                if work.begin():
                    self._report.dropped(delivery, reason)
                    work.finish()
            case Wait():
                self._park(turn.item, turn.lane)
            case Deliver() as wanted:
                return self._begin_requests(turn, wanted)
        return False

    def _begin_requests(self, turn: Turn[_Item], wanted: Deliver) -> bool:
        """Begin the request of a turn, with what else may go along; False when nothing is left to send."""
        turn.lane.rate = wanted.sink.max_deliveries_per_second
        items = [turn.item]
        if wanted.sink.max_events_per_batch > 1:
            number, size = room_beside(wanted.sink, len(turn.item.delivery.event))
            items += self._lanes.more(turn, number, size)
        members = [member for item in items if (member := self._member(item, wanted)) is not None]
        for number, group in enumerate(grouped(members)):
            self._tasks.spawn(self._attempt(self._lanes.also(turn) if number else turn, group, wanted))
        return bool(members)

    def _member(self, item: _Item, wanted: Deliver) -> Member | None:
        try:
            owed = read_owed(item.delivery, wanted.subscription.delivery_schema)
        except UnreadableEventError as error:
            self._set_aside(item.work, str(error))
            return None
        return member_of(item.work, owed, wanted.sink) if item.work.begin() else None

    async def _attempt(self, turn: Turn[_Item], members: Sequence[Member], wanted: Deliver) -> None:
        outcome = await self._handler.deliver(request_of(members, wanted))
        ended = self._now()
        self._lanes.finished(turn, time.monotonic(), outcome, len(members))
        for member in members:
            delivery = member.owed.delivery
            settlement = settle(delivery, outcome, wanted.subscription.retry_policy, ended, self._random_fraction())
            self._outbox.put(records_of(member.owed, outcome, settlement, ended), member.work.finish)
            self._report.attempted(delivery, wanted, outcome, ended)
            if isinstance(settlement, GiveUp):
                self._report.dead(delivery, wanted.subscription, settlement)
        for item in self._lanes.overflow(turn.lane, time.monotonic()):
            self._park(item, turn.lane)
        self._send()

    def _park(self, item: _Item, lane: Lane[_Item]) -> None:
        """Let a delivery wait in a retry topic, no attempt being counted."""
        if item.work.begin():
            wait = timedelta(seconds=lane.parking_seconds(time.monotonic())) * (1 + JITTER * self._random_fraction())
            now = self._now()
            subscription = self._subscriptions.get(item.delivery.subscription_id)
            if subscription is not None:
                wait = within_life(wait, item.delivery, subscription.retry_policy, now)
            self._report.parked()
            records = [parked(item.delivery, wait, now, is_failing=lane.conduct.is_failing)]
            self._outbox.put(records, item.work.finish)

    def _expire(self, work: Work, delivery: Delivery, subscription: Subscription) -> None:
        try:
            owed = read_owed(delivery, subscription.delivery_schema)
        except UnreadableEventError as error:
            self._set_aside(work, str(error))
            return
        if work.begin():
            given_up = expired(delivery)
            self._outbox.put([dead_letter(owed, given_up, self._now())], work.finish)
            self._report.dead(delivery, subscription, given_up)

    def _set_aside(self, work: Work, reason: str) -> None:
        """Write a record that cannot be read where operators find it."""
        if not work.begin():
            return
        record = work.record
        headers = unreadable_headers(record.topic, record.partition, record.offset, reason)
        message = Message(record.key, record.value, [*record.headers, *headers])
        self._report.unreadable(record.topic, record.partition, record.offset, reason)
        self._outbox.put([(UNREADABLE.name, message)], work.finish)

    async def _forget_who_is_gone(self) -> None:
        """Drop the counters of deleted subscriptions, little by little: there may be ten thousand to look for."""
        while True:
            await asyncio.sleep(FORGET_SECONDS)
            looked_at = self._report.forget(lambda one: self._subscriptions.get(one) is None)
            for count, _ in enumerate(looked_at, start=1):
                if count % _BREATHE_EVERY == 0:
                    await asyncio.sleep(0)


def _value_of(value: bytes | None) -> bytes:
    if value is None:
        raise ValueError("the record has no value")
    return value
