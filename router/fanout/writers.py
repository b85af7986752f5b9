"""Writers: how what a batch became reaches Kafka, together with the offset up to which the source was read.

Two guarantees (design §5). `RoundWriter` (rounds.py): outputs and offset commit in one transaction, so nothing is lost
and nothing doubled for readers of committed records. `IdempotentWriter`: the offset follows once the outputs are
acknowledged, so nothing is lost, and a crash repeats the last batches.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer, TopicPartition

from router.fanout.producing import STALLED_SECONDS, Pace, acknowledged, producer_settings, started, stop
from router.kafka.record_batches import Destination, OutRecord, send_batches

PACE_SECONDS = 0.005
"""Between the beginnings of two writes: each is a request, which costs Kafka as much as many events."""
COMMIT_SECONDS = 0.05
"""Between two commits of a partition's offset, at least once: what a crash may repeat."""

Outputs = Mapping[Destination, list[OutRecord]]
CommitOffset = Callable[[TopicPartition, int], Awaitable[None]]


class Writer(Protocol):
    """Writes for one source partition."""

    async def start(self) -> None:
        """Connect; returns when it is decided what earlier connections left open."""
        ...

    async def stop(self) -> None:
        """Disconnect; what is not committed is dropped."""
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


class IdempotentWriter:
    """Outputs first, the offset once they are acknowledged; many writes in a row share a commit."""

    def __init__(self, bootstrap_servers: str, partition: TopicPartition, commit: CommitOffset) -> None:
        self._pace = Pace(PACE_SECONDS)
        self._bootstrap_servers = bootstrap_servers
        self._partition = partition
        self._commit = commit
        self._producer: Any = None
        self._uncommitted: int | None = None
        self._committing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and commit what was written over a former connection."""
        settings = producer_settings(self._bootstrap_servers)
        producer = AIOKafkaProducer(**settings, retry_backoff_ms=20, enable_idempotence=True)
        self._producer = await started(producer)
        await self._commit_written()

    async def stop(self) -> None:
        """Disconnect."""
        committing, self._committing = self._committing, None
        await _cancelled(committing)
        producer, self._producer = self._producer, None
        await stop(producer)

    async def turn(self, _events: Callable[[], int]) -> None:
        """Return at once after a pause, and in a steady flow in turns."""
        await self._pace.wait()

    def leave(self) -> None:
        """Do nothing: nothing is begun."""

    async def write(self, parts: AsyncIterator[Outputs], next_offset: int) -> None:
        """Write all parts; their offset is committed behind them, and the next write raises what that failed with."""
        futures = []
        async for outputs in parts:
            futures += await send_batches(self._producer, outputs)
        await acknowledged(futures)
        self._uncommitted = next_offset
        if self._committing is not None and self._committing.done():
            committing, self._committing = self._committing, None
            committing.result()
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_on(), name=f"commit {self._partition.partition}")

    async def settle(self) -> None:
        """Commit what is written."""
        committing, self._committing = self._committing, None
        await _cancelled(committing)
        await self._commit_written()

    async def _commit_on(self) -> None:
        """Commit at once what was written after a pause, and what follows in turns."""
        while self._uncommitted is not None:
            await self._commit_written()
            await asyncio.sleep(COMMIT_SECONDS)

    async def _commit_written(self) -> None:
        offset = self._uncommitted
        if offset is None:
            return
        async with asyncio.timeout(STALLED_SECONDS):
            await self._commit(self._partition, offset)
        if self._uncommitted == offset:
            self._uncommitted = None


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    """End a task in the background; what it failed with concerns nobody any more."""
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
