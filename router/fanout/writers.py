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
from aiokafka.producer import sender
from aiokafka.structs import OffsetAndMetadata

from router.kafka.connection import connection
from router.kafka.record_batches import BATCH_BYTES, Destination, OutRecord, send_batches
from topics import MAX_MESSAGE_BYTES

GROUP = "router-fanout"
START_SECONDS = 30.0
STALLED_SECONDS = 10.0
STOP_SECONDS = 5.0

# For a moment after a commit Kafka still writes its markers, and refuses the next transaction. aiokafka returns after
# 20 ms, which a lane would spend waiting.
sender.BACKOFF_OVERRIDE = 0.003

Outputs = Mapping[Destination, list[OutRecord]]
CommitOffset = Callable[[TopicPartition, int], Awaitable[None]]


class Writer(Protocol):
    """Writes for one source partition."""

    async def start(self) -> None:
        """Connect, and shut out whoever wrote for this partition before."""
        ...

    async def stop(self) -> None:
        """Disconnect; what is not committed is dropped."""
        ...

    async def write(self, parts: AsyncIterator[Outputs], next_offset: int) -> None:
        """Write the outputs and commit that the source was read up to `next_offset`; raises when either failed."""
        ...


class TransactionalWriter:
    """One transaction a call; the transactional id belongs to the partition, as aiokafka does not fence by group."""

    def __init__(self, bootstrap_servers: str, partition: TopicPartition) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._partition = partition
        self._producer: Any = None

    async def start(self) -> None:
        """Connect; InitProducerId aborts what a former owner left open and fences it if it lives."""
        producer = AIOKafkaProducer(
            **_producer_settings(self._bootstrap_servers),
            transactional_id=f"{GROUP}-{self._partition.topic}-{self._partition.partition}",
            transaction_timeout_ms=60_000,
        )
        self._producer = await _started(producer)

    async def stop(self) -> None:
        """Disconnect; an open transaction is aborted by the next owner's InitProducerId."""
        producer, self._producer = self._producer, None
        await _stop(producer)

    async def write(self, parts: AsyncIterator[Outputs], next_offset: int) -> None:
        """Write all parts in one transaction with the source offset."""
        producer = self._producer
        async with asyncio.timeout(STALLED_SECONDS):
            await producer.begin_transaction()
        futures = []
        async for outputs in parts:
            futures += await send_batches(producer, outputs)
        async with asyncio.timeout(STALLED_SECONDS):
            await producer.send_offsets_to_transaction({self._partition: OffsetAndMetadata(next_offset, "")}, GROUP)
        # commit_transaction() does not notice a batch that failed: only its future tells.
        await _acknowledged(futures)
        async with asyncio.timeout(STALLED_SECONDS):
            await producer.commit_transaction()


class IdempotentWriter:
    """Outputs first, the offset once they are acknowledged."""

    def __init__(self, bootstrap_servers: str, partition: TopicPartition, commit: CommitOffset) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._partition = partition
        self._commit = commit
        self._producer: Any = None

    async def start(self) -> None:
        """Connect."""
        producer = AIOKafkaProducer(**_producer_settings(self._bootstrap_servers), enable_idempotence=True)
        self._producer = await _started(producer)

    async def stop(self) -> None:
        """Disconnect."""
        producer, self._producer = self._producer, None
        await _stop(producer)

    async def write(self, parts: AsyncIterator[Outputs], next_offset: int) -> None:
        """Write all parts, then commit the source offset."""
        futures = []
        async for outputs in parts:
            futures += await send_batches(self._producer, outputs)
        await _acknowledged(futures)
        async with asyncio.timeout(STALLED_SECONDS):
            await self._commit(self._partition, next_offset)


def _producer_settings(bootstrap_servers: str) -> dict[str, Any]:
    return {
        **connection(bootstrap_servers),
        "acks": "all",
        "linger_ms": 0,
        "max_batch_size": BATCH_BYTES,
        "max_request_size": MAX_MESSAGE_BYTES + BATCH_BYTES,
        "request_timeout_ms": 20_000,
        "retry_backoff_ms": 20,
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


async def _stop(producer: Any) -> None:  # noqa: ANN401 (aiokafka is untyped)
    if producer is not None:
        # stop() first waits for what is in flight, which never ends while the broker is gone.
        with suppress(Exception):
            await asyncio.wait_for(producer.stop(), STOP_SECONDS)
