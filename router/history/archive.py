"""The archive: dead letters become files where their subscription names a place; servers share the work."""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, Final

import fsspec  # type: ignore[import-untyped]  # it has no types
import msgspec
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from router.history.dead_letter_files import DeadLetterFile, SubscriptionsById, container_of, file_of
from router.history.options import GROUP, HistoryOptions
from router.history.patient_writing import PatientWriter
from router.history.rows import dead_letter_of
from router.kafka.compacted import CompactedReader
from router.kafka.connection import connection
from router.kafka.consumer import KafkaConsumer
from router.kafka.offsets import Offsets
from topics import DEAD_LETTERS, MAX_MESSAGE_BYTES, SUBSCRIPTIONS, Delivery
from topics.subscriptions import subscription_key

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 1.0
PAUSE_SECONDS: Final = 1.0
RECORDS_AT_ONCE: Final = 200
_POLL_INTERVAL_MS: Final = 8 * 3600 * 1000
"""A storage may take its time."""


class DeadLetterArchive:
    """Writes the files until cancelled; at least once, each under the same name whenever it is written."""

    def __init__(self, options: HistoryOptions, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        self._subscriptions = SubscriptionsById()

    async def run(self) -> None:
        """Read, write and commit until cancelled."""
        reader = CompactedReader(self._options.bootstrap_servers, SUBSCRIPTIONS, self._subscriptions.apply)
        try:
            await reader.start()
            while True:
                try:
                    await self._follow()
                except (KafkaError, OSError) as error:
                    log.warning("archive.waiting", error=repr(error))
                await asyncio.sleep(PAUSE_SECONDS)
        finally:
            await reader.stop()

    async def _follow(self) -> None:
        consumer = KafkaConsumer(
            DEAD_LETTERS.name,
            **connection(self._options.bootstrap_servers),
            group_id=GROUP,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            max_poll_interval_ms=_POLL_INTERVAL_MS,
        )
        try:
            await consumer.start()
            await self._read(consumer)
        finally:
            await consumer.stop()

    async def _read(self, consumer: KafkaConsumer) -> None:
        writer = PatientWriter(lambda file: write(self._options.dead_letter_url, file), self._now)
        tracked: defaultdict[TopicPartition, Offsets] = defaultdict(Offsets)
        committed: dict[TopicPartition, int] = {}
        while True:
            if writer.is_full:
                await asyncio.sleep(LOOK_SECONDS)
            else:
                found = await consumer.getmany(timeout_ms=int(LOOK_SECONDS * 1000), max_records=RECORDS_AT_ONCE)
                for partition, records in found.items():
                    for record in records:
                        self._take(record, tracked[partition], writer)
            await writer.write_what_can_be()
            # A partition that went to another server is its to commit; what was written is the same file there.
            reached = {
                partition: offset
                for partition in consumer.assignment() & tracked.keys()
                if (offset := tracked[partition].committable) is not None and offset != committed.get(partition)
            }
            if reached:
                await consumer.commit(reached)
                committed |= reached

    def _take(self, record: Any, tracked: Offsets, writer: PatientWriter) -> None:  # noqa: ANN401 (aiokafka has no types)
        if not tracked.begin(record.offset):
            return
        placed = self._file_of(record)
        if placed is None:
            tracked.finish(record.offset)
        else:
            container, file = placed
            writer.put(container, file, partial(tracked.finish, record.offset))

    def _file_of(self, record: Any) -> tuple[str, DeadLetterFile] | None:  # noqa: ANN401
        try:
            delivery = Delivery.from_record(record.value or b"", record.headers)
            died = dead_letter_of(record.value or b"")
        except (ValueError, msgspec.DecodeError):
            return None
        subscription = self._subscriptions.get(subscription_key(delivery.subscription_id))
        container = container_of(subscription)
        if subscription is None or container is None:
            return None
        at = died.last_delivery_attempt_time
        name = subscription.name
        return container, file_of(delivery.delivery_id, at, record.value, container=container, subscription=name)


def write(url: str, file: DeadLetterFile) -> None:
    """Write a file below a location of fsspec: a local folder, or `s3://…`, `abfs://…` with its package installed."""
    file_system, root = fsspec.core.url_to_fs(url)
    path = f"{root.rstrip('/')}/{file.path}"
    file_system.makedirs(path.rpartition("/")[0], exist_ok=True)
    # Whole or not at all, also for whoever lists the folder meanwhile.
    with file_system.transaction, file_system.open(path, "wb") as stream:
        stream.write(file.content)
