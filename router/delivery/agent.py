"""The delivery stage: router.deliveries in, one attempt each, and what follows from it out.

A plain consumer rather than Faust: attempts end out of order, and a delivery counts as done only once Kafka has what
follows from it (docs/decisions).
"""

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, NamedTuple, Protocol

from router.delivery.lanes import Lane, Lanes, Turn
from router.delivery.records import Owed, dead_letter, expired, parked, read_owed, records_of
from router.delivery.report import Report
from router.delivery.retry_policy import JITTER
from router.delivery.settle import GiveUp, is_expired, settle
from router.delivery.standing import Deliver, Drop, Wait, standing_of
from router.events.envelope import UnreadableEventError
from router.handlers import DeliveryRequest, Failed, Handler
from router.kafka.outbox import Outbox
from router.kafka.producer import Message, Producer
from router.kafka.tasks import Tasks
from router.kafka.work_queue import Work, WorkQueue
from router.observability.metrics import Metrics
from router.settings import Settings
from topics.deliveries import DELIVERIES, Delivery
from topics.retries import DELAYS
from topics.subscriptions import Subscription
from topics.unreadable import UNREADABLE, unreadable_headers

GROUP: Final = "router-delivery"
STOP_SECONDS: Final = 10.0
OUTBOX_LIMIT: Final = 10_000
PARKING = DELAYS[0]
PARKING_WHEN_FAILING = DELAYS[2]
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
        self._queue = WorkQueue(
            settings.bootstrap_servers,
            group=GROUP,
            instance=settings.instance,
            topics=(DELIVERIES.name,),
            report_lag=self._report.lag,
        )
        self._tasks = Tasks()
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read and to deliver."""
        self._tasks.spawn(self._outbox.run())
        self._tasks.spawn(self._queue.run())
        self._reading = self._tasks.spawn(self._read())

    async def stop(self) -> None:
        """Read no more, let what is under way end within `STOP_SECONDS`, commit, leave."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        self._lanes.clear()
        await self._queue.stop(STOP_SECONDS)
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
                self._lanes.finished(turn, time.monotonic(), succeeded=None)
        self._report.in_flight(self._lanes.in_flight)

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
                try:
                    owed = read_owed(delivery, wanted.subscription.delivery_schema)
                except UnreadableEventError as error:
                    self._set_aside(work, str(error))
                    return False
                if work.begin():
                    self._tasks.spawn(self._attempt(turn, owed, wanted))
                    return True
        return False

    async def _attempt(self, turn: Turn[_Item], owed: Owed, wanted: Deliver) -> None:
        delivery, subscription = owed.delivery, wanted.subscription
        outcome = await self._handler.deliver(
            DeliveryRequest(
                delivery_id=delivery.delivery_id,
                subscription_name=subscription.name,
                sink=wanted.sink,
                attempt=delivery.attempt,
                event=owed.event,
                schema=owed.schema,
                data_version=owed.envelope.data_version or "",
            )
        )
        ended = self._now()
        self._lanes.finished(turn, time.monotonic(), succeeded=not isinstance(outcome, Failed))
        settlement = settle(delivery, outcome, subscription.retry_policy, ended, self._random_fraction())
        self._outbox.put(records_of(owed, outcome, settlement, ended), turn.item.work.finish)
        self._report.attempted(delivery, wanted, outcome, ended)
        if isinstance(settlement, GiveUp):
            self._report.dead(delivery, subscription.name, settlement)
        for item in self._lanes.overflow(turn.lane, time.monotonic()):
            self._park(item, turn.lane)
        self._send()

    def _park(self, item: _Item, lane: Lane[_Item]) -> None:
        """Let a delivery wait in a retry topic, no attempt being counted."""
        if item.work.begin():
            wait = PARKING_WHEN_FAILING if lane.is_failing else PARKING
            wait *= 1 + JITTER * self._random_fraction()
            self._report.parked()
            self._outbox.put([parked(item.delivery, wait, self._now())], item.work.finish)

    def _expire(self, work: Work, delivery: Delivery, subscription: Subscription) -> None:
        try:
            owed = read_owed(delivery, subscription.delivery_schema)
        except UnreadableEventError as error:
            self._set_aside(work, str(error))
            return
        if work.begin():
            given_up = expired(delivery)
            self._outbox.put([dead_letter(owed, given_up, self._now())], work.finish)
            self._report.dead(delivery, subscription.name, given_up)

    def _set_aside(self, work: Work, reason: str) -> None:
        """Write a record that cannot be read where operators find it."""
        if not work.begin():
            return
        record = work.record
        headers = unreadable_headers(record.topic, record.partition, record.offset, reason)
        message = Message(record.key, record.value, [*record.headers, *headers])
        self._report.unreadable(record.topic, record.partition, record.offset, reason)
        self._outbox.put([(UNREADABLE.name, message)], work.finish)


def _value_of(value: bytes | None) -> bytes:
    if value is None:
        raise ValueError("the record has no value")
    return value
