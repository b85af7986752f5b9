"""Lanes: one for each source partition, each with a writer of its own, so that one partition's commit hides another's.

A lane lives as long as an assignment. It takes batches in order, writes everything that is waiting at once, and when a
write fails it finds out what Kafka has of it before it goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from router.errors import KafkaUnavailableError, RefusedError
from router.fanout.plan import Plan
from router.fanout.rounds import Outputs

log = structlog.get_logger(__name__)

QUEUED_BATCHES = 20
MOST_EVENTS = 4000
"""Events in one write; reached only under load, as a write begins once the queue was found empty."""
MOST_AT_ONCE = 200
"""Events that are planned and sent together: of more, the first would be in no cache any more when they are sent."""
RETRY_SECONDS = 0.5

Batch = list[Any]
"""aiokafka ConsumerRecords of one partition, in order."""

_RECOVERABLE = (KafkaError, KafkaUnavailableError, RefusedError, TimeoutError, OSError)
"""What passes, by itself or when somebody mends it; a refusal is that of a topic that is to be made."""


class Writer(Protocol):
    """Writes for one source partition."""

    async def start(self) -> None:
        """Connect; returns when it is decided what earlier connections left open."""
        ...

    async def stop(self) -> None:
        """Let go of the connection, unless others write over it."""
        ...

    async def turn(self, events: Callable[[], int]) -> None:
        """Return when it is time to write; `events` says how many wait. Then follows `write` or `leave`."""
        ...

    def leave(self) -> None:
        """Give a turn back: there is nothing to write after all."""
        ...

    async def write(self, parts: AsyncIterator[Outputs], next_offset: int) -> None:
        """Write the outputs and commit that the source was read up to `next_offset`; raises when either failed."""
        ...

    async def settle(self) -> None:
        """Return once everything that was written is committed."""
        ...


class LaneLostError(Exception):
    """Somebody else has moved this partition's offset: this process is not its owner, or no longer."""


class Owner(Protocol):
    """What a lane needs of the stage that it belongs to."""

    async def plan(self, batch: Batch) -> Plan:
        """Decide what a batch becomes."""
        ...

    def parts(self, batch: Batch) -> Iterable[Batch]:
        """Return what of a batch is planned and sent together."""
        ...

    def failed(self, error: Exception) -> None:
        """Take note of what a write failed with; it is made again."""
        ...

    def written(self, plans: Sequence[Plan], batches: Sequence[Batch]) -> None:
        """Take note that batches are written and committed."""
        ...

    async def committed(self, partition: TopicPartition) -> int | None:
        """Return the committed offset of a source partition, asked from Kafka."""
        ...

    async def lost(self, error: Exception) -> None:
        """Take note that a lane cannot go on: the process must not go on without it."""
        ...


class Lane:
    """Writes what the batches of one partition become, in order, exactly once a batch."""

    def __init__(self, partition: TopicPartition, generation: int, writer: Writer, owner: Owner) -> None:
        self.partition = partition
        self.generation = generation
        self._writer = writer
        self._owner = owner
        self._queue: asyncio.Queue[Batch] = asyncio.Queue(QUEUED_BATCHES)
        self._idle = asyncio.Event()
        self._closing = False
        self._next_offset: int | None = None
        self._plans: list[Plan] = []
        self._task: asyncio.Task[None] | None = None
        self.trouble: str | None = None
        """What the last write failed with, until one succeeds."""
        self.waiting = 0
        """Events that were taken and are not committed yet."""

    @property
    def is_busy(self) -> bool:
        """Whether a write is under way."""
        return not self._idle.is_set()

    async def start(self) -> None:
        """Fence former owners, then read where to go on from; returns when batches may come."""
        await self._writer.start()
        self._next_offset = await self._owner.committed(self.partition)
        self._task = asyncio.create_task(self._run(), name=f"lane {self.partition.partition}")

    async def put(self, batch: Batch) -> None:
        """Take a batch; waits while the lane has enough of them."""
        if not self._closing:
            self.waiting += len(batch)
            await self._queue.put(batch)

    async def quiesce(self, timeout_seconds: float) -> None:
        """Finish the write under way and begin no other; waiting batches are dropped, their offset is not committed."""
        self._closing = True
        with suppress(*_RECOVERABLE):
            async with asyncio.timeout(timeout_seconds):
                await self._idle.wait()
                await self._writer.settle()

    async def stop(self) -> None:
        """End at once; a write under way is not committed."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._writer.stop()

    async def _run(self) -> None:
        while True:
            self._idle.set()
            batches = [await self._queue.get()]
            if self._closing:
                continue
            try:
                await self._write(batches)
            except Exception as error:
                log.exception("lane.lost", partition=self.partition.partition)
                await self._owner.lost(error)
                return

    async def _write(self, batches: list[Batch]) -> None:
        written = False
        while not written:
            try:
                # While it waits for its turn the lane is idle: a rebalance does not wait for it.
                await self._writer.turn(lambda: self.waiting)
                if self._closing:
                    self._writer.leave()
                    return
                self._idle.clear()
                await self._write_once(batches)
                written = True
            except _RECOVERABLE as error:
                self._idle.clear()
                log.warning("lane.write_failed", partition=self.partition.partition, error=repr(error))
                self.trouble = repr(error)
                self._owner.failed(error)
                written = await self._recover(_end(batches))
        self.trouble = None
        self._next_offset = _end(batches)
        self.waiting -= sum(map(len, batches))
        self._owner.written(self._plans, batches)

    async def _write_once(self, batches: list[Batch]) -> None:
        self._take_waiting(batches)
        self._plans = []
        await self._writer.write(self._parts(batches), _end(batches))

    def _take_waiting(self, batches: list[Batch]) -> None:
        count = sum(map(len, batches))
        while count < MOST_EVENTS and not self._queue.empty() and not self._closing:
            batches.append(self._queue.get_nowait())
            count += len(batches[-1])

    async def _parts(self, batches: list[Batch]) -> AsyncIterator[Outputs]:
        for part in (part for joined in _joined(batches) for part in self._owner.parts(joined)):
            plan = await self._owner.plan(part)
            self._plans.append(plan)
            yield plan.outputs
            await asyncio.sleep(0)  # let the producer send this part while the next is planned

    async def _recover(self, end: int) -> bool:
        """Connect anew and say whether the write that failed went through after all.

        Raises:
            LaneLostError: the committed offset is neither where the write began nor where it ended.
        """
        while True:
            await self._writer.stop()
            await asyncio.sleep(RETRY_SECONDS)
            try:
                await self._writer.start()
                committed = await self._owner.committed(self.partition)
            except _RECOVERABLE as error:
                log.warning("lane.waiting_for_kafka", partition=self.partition.partition, error=repr(error))
                continue
            if committed not in (end, self._next_offset):
                raise LaneLostError(f"committed is {committed}, expected {self._next_offset}")
            return committed == end


def _joined(batches: Sequence[Batch]) -> Iterator[Batch]:
    """Join what came bit by bit: each part is a request to Kafka, which waits for the one before it."""
    part: Batch = []
    for batch in batches:
        if part and len(part) + len(batch) > MOST_AT_ONCE:
            yield part
            part = []
        part = part + batch if part else batch
    yield part


def _end(batches: Sequence[Batch]) -> int:
    return int(batches[-1][-1].offset) + 1
