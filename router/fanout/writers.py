"""Writers: how what a batch became reaches Kafka, together with the offset up to which the source was read.

Two guarantees (design §5). `TransactionalWriter`: outputs and offset commit in one transaction, so nothing is lost and
nothing doubled for readers of committed records. `IdempotentWriter`: the offset follows once the outputs are
acknowledged, so nothing is lost, and a crash repeats the last batches.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Protocol

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from router.kafka.connection import connection
from router.kafka.record_batches import BATCH_BYTES, Destination, OutRecord, send_batches
from router.kafka.transactions import begin_with_group
from topics import MAX_MESSAGE_BYTES

GROUP = "router-fanout"
START_SECONDS = 30.0
STALLED_SECONDS = 10.0
STOP_SECONDS = 5.0
COMMIT_SECONDS = 0.05
"""Between two commits of a partition's offset, at least once: what a crash may repeat."""

Outputs = Mapping[Destination, list[OutRecord]]
CommitOffset = Callable[[TopicPartition, int], Awaitable[None]]


class Writer(Protocol):
    """Writes for one source partition."""

    @property
    def pace_seconds(self) -> float:
        """How far apart the beginnings of two writes should be, as each costs Kafka as much as many events."""
        ...

    async def start(self) -> None:
        """Connect, and shut out whoever wrote for this partition before."""
        ...

    async def stop(self) -> None:
        """Disconnect; what is not committed is dropped."""
        ...

    def begin(self) -> None:
        """Do beforehand what can be done for the next write, while the lane waits for its turn."""
        ...

    async def write(self, parts: AsyncIterator[Outputs], next_offset: int) -> None:
        """Write the outputs and commit that the source was read up to `next_offset`; raises when either failed."""
        ...

    async def settle(self) -> None:
        """Return once everything that was written is committed."""
        ...


class TransactionalWriter:
    """One transaction a call; the transactional id belongs to the partition, as aiokafka does not fence by group."""

    pace_seconds = 0.02

    def __init__(self, bootstrap_servers: str, partition: TopicPartition) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._partition = partition
        self._producer: Any = None
        self._beginning: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect; InitProducerId aborts what a former owner left open and fences it if it lives."""
        producer = AIOKafkaProducer(
            **_producer_settings(self._bootstrap_servers),
            # For a moment after a commit Kafka still writes its markers, and refuses the next transaction.
            retry_backoff_ms=5,
            transactional_id=f"{GROUP}-{self._partition.topic}-{self._partition.partition}",
            transaction_timeout_ms=60_000,
        )
        self._producer = await _started(producer)

    async def stop(self) -> None:
        """Disconnect; an open transaction is aborted by the next owner's InitProducerId."""
        beginning, self._beginning = self._beginning, None
        await _cancelled(beginning)
        producer, self._producer = self._producer, None
        await _stop(producer)

    def begin(self) -> None:
        """Begin the transaction."""
        if self._beginning is None:
            self._beginning = asyncio.create_task(self._begin(), name=f"begin {self._partition.partition}")

    async def write(self, parts: AsyncIterator[Outputs], next_offset: int) -> None:
        """Write all parts in one transaction with the source offset."""
        self.begin()
        beginning, self._beginning = self._beginning, None
        if beginning is not None:
            await beginning
        producer, futures = self._producer, []
        async for outputs in parts:
            futures += await send_batches(producer, outputs)
        # commit_transaction() does not notice a batch that failed: only its future tells.
        await _acknowledged(futures)
        # Not beside the records: Kafka asks about a transaction once at a time, and refuses who comes meanwhile.
        async with asyncio.timeout(STALLED_SECONDS):
            await producer.send_offsets_to_transaction({self._partition: OffsetAndMetadata(next_offset, "")}, GROUP)
        async with asyncio.timeout(STALLED_SECONDS):
            await producer.commit_transaction()

    async def settle(self) -> None:
        """Do nothing: a write that has returned is committed."""

    async def _begin(self) -> None:
        async with asyncio.timeout(STALLED_SECONDS):
            await begin_with_group(self._producer, GROUP)


class IdempotentWriter:
    """Outputs first, the offset once they are acknowledged; many writes in a row share a commit."""

    pace_seconds = 0.005

    def __init__(self, bootstrap_servers: str, partition: TopicPartition, commit: CommitOffset) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._partition = partition
        self._commit = commit
        self._producer: Any = None
        self._uncommitted: int | None = None
        self._committing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, and commit what was written over a former connection."""
        settings = _producer_settings(self._bootstrap_servers)
        producer = AIOKafkaProducer(**settings, retry_backoff_ms=20, enable_idempotence=True)
        self._producer = await _started(producer)
        await self._commit_written()

    async def stop(self) -> None:
        """Disconnect."""
        committing, self._committing = self._committing, None
        await _cancelled(committing)
        producer, self._producer = self._producer, None
        await _stop(producer)

    def begin(self) -> None:
        """Do nothing."""

    async def write(self, parts: AsyncIterator[Outputs], next_offset: int) -> None:
        """Write all parts; their offset is committed behind them, and the next write raises what that failed with."""
        futures = []
        async for outputs in parts:
            futures += await send_batches(self._producer, outputs)
        await _acknowledged(futures)
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


def _producer_settings(bootstrap_servers: str) -> dict[str, Any]:
    return {
        **connection(bootstrap_servers),
        "acks": "all",
        "linger_ms": 0,
        "max_batch_size": BATCH_BYTES,
        "max_request_size": MAX_MESSAGE_BYTES + BATCH_BYTES,
        "request_timeout_ms": 20_000,
    }


async def _started(producer: Any) -> Any:  # noqa: ANN401 (aiokafka is untyped)
    try:
        async with asyncio.timeout(START_SECONDS):
            await producer.start()
    except BaseException:
        await _stop(producer)
        raise
    return producer


async def _acknowledged(futures: list[asyncio.Future[Any]]) -> None:
    """Return once Kafka has every batch; raise what one of them failed with, or TimeoutError when nothing moves.

    A batch for a deleted topic would wait for ever; a time limit on the whole would never let a large write end.
    """
    pending = set(futures)
    while pending:
        done, pending = await asyncio.wait(pending, timeout=STALLED_SECONDS)
        if not done:
            raise TimeoutError(f"{len(pending)} batches are not acknowledged")
        for future in done:
            future.result()


async def _cancelled(task: asyncio.Task[None] | None) -> None:
    """End a task in the background; what it failed with concerns nobody any more."""
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _stop(producer: Any) -> None:  # noqa: ANN401 (aiokafka is untyped)
    if producer is not None:
        # stop() first waits for what is in flight, which never ends while the broker is gone.
        with suppress(Exception):
            await asyncio.wait_for(producer.stop(), STOP_SECONDS)
