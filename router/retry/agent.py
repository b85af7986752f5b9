"""The retry stage: router.retries.* in; each delivery goes back to router.deliveries when it is due."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog
from aiokafka import TopicPartition

from router.kafka.outbox import Outbox
from router.kafka.producer import Message, Producer
from router.kafka.tasks import Tasks
from router.kafka.work_queue import Gather, Work, WorkQueue
from router.observability.metrics import Metrics
from router.retry.schedule import Schedule
from router.settings import Settings
from topics.deliveries import DELIVERIES, due_of
from topics.retries import RETRIES
from topics.unreadable import UNREADABLE, unreadable_headers

log = structlog.get_logger(__name__)

GROUP: Final = "router-retry"
STOP_SECONDS: Final = 10.0
OUTBOX_LIMIT: Final = 10_000
LOOK_SECONDS: Final = 0.2
"""So late may a retry be, whose wait is ten seconds at least: what is due by then goes together."""

GATHERED: Final = Gather(64 * 1024, 500)
"""A fetch names all forty partitions, twice; what it brings is not due for seconds."""


class RetryAgent:
    """Holds what is not due yet in memory, within bounds, and commits what went back to router.deliveries.

    A partition of which enough waits is not read on until some of it has gone: nearly everything in one of these topics
    waits for the same time, so that what stands behind is due later.
    """

    def __init__(
        self, settings: Settings, *, producer: Producer, metrics: Metrics, now: Callable[[], datetime]
    ) -> None:
        self._metrics = metrics
        self._now = now
        self._schedule: Schedule[TopicPartition, Work] = Schedule()
        self._outbox = Outbox(producer)
        self._leave_on_stop = settings.leave_on_stop
        self._queue = WorkQueue(
            settings.bootstrap_servers,
            group=GROUP,
            instance=settings.instance,
            topics=[topic.name for topic in RETRIES.values()],
            report_lag=self._report_lag,
            gather=GATHERED,
        )
        self._tasks = Tasks()
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to read and to release."""
        self._tasks.spawn(self._outbox.run())
        self._tasks.spawn(self._queue.run())
        self._reading = self._tasks.spawn(self._read())

    async def stop(self) -> None:
        """Read no more, write what was released, commit, leave; what is not due stays in its topic."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading})
        await self._queue.stop(STOP_SECONDS, leave=self._leave_on_stop)
        await self._tasks.cancel()
        self._schedule.clear()

    async def check(self) -> str | None:
        """Say why retries do not go out, or None."""
        if self._tasks.crash is not None:
            return f"crashed: {self._tasks.crash!r}"
        return None if self._queue.is_assigned else "waiting for partitions"

    async def wait_until_crashed(self) -> Exception:
        """Return the error that ended the stage."""
        return await self._tasks.wait_until_crashed()

    async def _read(self) -> None:
        generation = self._queue.generation
        while True:
            works = await self._queue.take(LOOK_SECONDS)
            if self._queue.generation != generation:
                generation = self._queue.generation
                self._schedule.clear()
            for work in works:
                self._accept(work)
            if len(self._outbox) <= OUTBOX_LIMIT:
                self._release_due()
            self._hold_and_release()

    def _accept(self, work: Work) -> None:
        record = work.record
        try:
            if record.value is None:
                raise ValueError("the record has no value")  # noqa: TRY301 (one way to set aside)
            due = due_of(record.headers)
        except ValueError as error:
            self._set_aside(work, str(error))
            return
        place = TopicPartition(record.topic, record.partition)
        self._schedule.add(place, due or self._now(), work, len(record.value))

    def _release_due(self) -> None:
        for _place, work in self._schedule.take_due(self._now()):
            if work.begin():
                record = work.record
                message = Message(record.key, record.value, record.headers)
                self._outbox.put([(DELIVERIES.name, message)], work.finish)

    def _hold_and_release(self) -> None:
        """Stop reading partitions of which enough waits, and read on where there is room again."""
        for place in self._queue.partitions:
            if self._schedule.is_full(place):
                self._queue.hold(place)
            else:
                self._queue.release(place)

    def _set_aside(self, work: Work, reason: str) -> None:
        """Write a record that cannot be read where operators find it."""
        if not work.begin():
            return
        record = work.record
        headers = unreadable_headers(record.topic, record.partition, record.offset, reason)
        message = Message(record.key, record.value, [*record.headers, *headers])
        self._metrics.unreadable.labels(record.topic).inc()
        log.warning("retry.unreadable", topic=record.topic, offset=record.offset, reason=reason)
        self._outbox.put([(UNREADABLE.name, message)], work.finish)

    def _report_lag(self, topic: str, partition: int, lag: int) -> None:
        self._metrics.consumer_lag.labels(GROUP, topic, str(partition)).set(lag)
