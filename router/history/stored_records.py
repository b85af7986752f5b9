"""Single records by their offsets: events and dead letters are kept by Kafka, not copied into the history."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from time import monotonic
from typing import Any, Final, Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from router.errors import KafkaUnavailableError
from router.kafka.connection import connection
from router.kafka.consumer import KafkaConsumer
from topics import MAX_MESSAGE_BYTES

Place = tuple[int, int]
"""Partition and offset."""

WAIT_SECONDS: Final = 5.0
NEAR: Final = 500
"""Records that are rather read over than sought past."""


class Records(Protocol):
    """What is asked for single records."""

    async def fetch(self, topic: str, places: Iterable[Place]) -> dict[Place, Any]:
        """Return the records that there are at these places."""
        ...


class StoredRecords:
    """Fetches records; one question at a time, over a connection that is made with the first one."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._consumer: KafkaConsumer | None = None
        self._asking = asyncio.Lock()

    async def fetch(self, topic: str, places: Iterable[Place]) -> dict[Place, Any]:
        """Return the records that Kafka still has at these places.

        Raises:
            KafkaUnavailableError: it does not answer.
        """
        by_partition: defaultdict[int, list[int]] = defaultdict(list)
        for partition, offset in sorted(set(places)):
            by_partition[partition].append(offset)
        found: dict[Place, Any] = {}
        async with self._asking:
            try:
                consumer = await self._running()
                for number, offsets in by_partition.items():
                    await _fetch(consumer, TopicPartition(topic, number), offsets, found)
            except (KafkaError, OSError) as error:
                await self._close()
                raise KafkaUnavailableError(f"Kafka at {self._bootstrap_servers} does not answer") from error
        return found

    async def stop(self) -> None:
        """Disconnect."""
        async with self._asking:
            await self._close()

    async def _running(self) -> KafkaConsumer:
        if self._consumer is None:
            self._consumer = KafkaConsumer(
                **connection(self._bootstrap_servers),
                enable_auto_commit=False,
                auto_offset_reset="none",
                isolation_level="read_committed",
                fetch_max_wait_ms=100,
                max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            )
            await self._consumer.start()
        return self._consumer

    async def _close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await consumer.stop()


async def _fetch(
    consumer: KafkaConsumer, partition: TopicPartition, offsets: list[int], into: dict[Place, Any]
) -> None:
    """Fetch records of one partition, given their offsets in order."""
    consumer.assign([partition])
    first = (await consumer.beginning_offsets([partition]))[partition]
    end = (await consumer.end_offsets([partition]))[partition]
    waiting = [offset for offset in reversed(offsets) if first <= offset < end]
    position = -NEAR
    deadline = monotonic() + WAIT_SECONDS
    try:
        while waiting and monotonic() < deadline:
            if not position <= waiting[-1] < position + NEAR:
                consumer.seek(partition, waiting[-1])
            found = await consumer.getmany(partition, timeout_ms=200, max_records=NEAR)
            for record in found.get(partition, ()):
                position = record.offset + 1
                while waiting and waiting[-1] < record.offset:
                    waiting.pop()  # no longer there
                if waiting and waiting[-1] == record.offset:
                    into[partition.partition, waiting.pop()] = record
                    deadline = monotonic() + WAIT_SECONDS
    finally:
        consumer.unsubscribe()
