"""A reader of a compacted topic: all of it from the start, then live, in every process that wants it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import structlog
from aiokafka import TopicPartition

from router.kafka.connection import connection
from router.kafka.consumer import KafkaConsumer
from topics import MAX_MESSAGE_BYTES, Topic

log = structlog.get_logger(__name__)

Apply = Callable[[bytes, bytes | None], None]
"""Takes a key and its newest value; None deletes. A record for which it raises is passed over."""


class CompactedReader:
    """Follows a topic of one partition without a consumer group, and says how far it has read.

    An agent would be wrong here: its group would show each process only a part (style reference §3.4).
    """

    def __init__(self, bootstrap_servers: str, topic: Topic, apply: Apply) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._partition = TopicPartition(topic.name, 0)
        self._apply = apply
        self._next_offset = 0
        self._moved = asyncio.Condition()
        self._task: asyncio.Task[None] | None = None
        self.caught_up = asyncio.Event()

    async def start(self) -> None:
        """Begin to read; returns once everything that was there before has been applied."""
        self._task = asyncio.create_task(self._follow(), name=f"follow {self._partition.topic}")
        ready = asyncio.create_task(self.caught_up.wait())
        try:
            await asyncio.wait({self._task, ready}, return_when=asyncio.FIRST_COMPLETED)
            if self._task.done():
                self._task.result()
        finally:
            ready.cancel()

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    @property
    def is_running(self) -> bool:
        """Whether it reads and has caught up."""
        return self.caught_up.is_set() and self._task is not None and not self._task.done()

    async def wait_for(self, offset: int, timeout_seconds: float = 10.0) -> None:
        """Return once the record at `offset` has been applied.

        Raises:
            TimeoutError: it was not in time.
        """
        async with asyncio.timeout(timeout_seconds), self._moved:
            await self._moved.wait_for(lambda: self._next_offset > offset)

    async def _follow(self) -> None:
        while True:
            consumer = KafkaConsumer(
                **connection(self._bootstrap_servers),
                enable_auto_commit=False,
                # Where the topic no longer begins at 0: what is left of it, rather than only what is still to come.
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                fetch_max_wait_ms=500,
                max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
                retry_backoff_ms=50,
            )
            try:
                await consumer.start()
                consumer.assign([self._partition])
                consumer.seek(self._partition, self._next_offset)
                await self._read(consumer)
            except Exception as error:  # noqa: BLE001 (whatever it is: nobody else would begin to follow again)
                log.warning("follower.reconnecting", topic=self._partition.topic, error=repr(error))
                await asyncio.sleep(0.5)
            finally:
                await consumer.stop()

    async def _read(self, consumer: KafkaConsumer) -> None:
        end = (await consumer.end_offsets([self._partition]))[self._partition]
        while True:
            if await consumer.position(self._partition) >= end:
                self.caught_up.set()
            for records in (await consumer.getmany(timeout_ms=200)).values():
                for record in records:
                    self._apply_one(record)
            # Beyond the last record there may be the marker of a transaction, which nobody is given.
            self._next_offset = await consumer.position(self._partition)
            async with self._moved:
                self._moved.notify_all()

    def _apply_one(self, record: Any) -> None:  # noqa: ANN401 (aiokafka's)
        try:
            self._apply(record.key or b"", record.value)
        except Exception:
            # One record that nobody was prepared for must not keep those that follow from being known.
            log.exception("follower.passed_over", topic=record.topic, offset=record.offset)


class CompactedFollower:
    """Keeps a view of a compacted topic up to date; it is complete once `start` returns."""

    def __init__(self, reader: CompactedReader, what: str) -> None:
        self._reader = reader
        self._what = what

    async def start(self) -> None:
        """Read all there is, then go on in the background."""
        await self._reader.start()

    async def stop(self) -> None:
        """Stop reading."""
        await self._reader.stop()

    async def wait_for(self, offset: int) -> None:
        """Return once the record at `offset` is in the view.

        Raises:
            TimeoutError: it was not in time.
        """
        await self._reader.wait_for(offset)

    async def check(self) -> str | None:
        """Say what is wrong, for the readiness of the process."""
        return None if self._reader.is_running else f"the {self._what} are not read yet"

    @property
    def is_running(self) -> bool:
        """Whether the view is complete and kept up to date."""
        return self._reader.is_running
