"""The archive: dead letters become files where their subscription names a place; servers share the work."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

import fsspec  # type: ignore[import-untyped]  # it has no types
import msgspec
import structlog
from aiokafka.errors import KafkaError

from router.history.dead_letter_files import DeadLetterFile, SubscriptionsById, container_of, file_of
from router.history.options import GROUP, HistoryOptions
from router.history.rows import dead_letter_of
from router.kafka.compacted import CompactedReader
from router.kafka.connection import connection
from router.kafka.consumer import KafkaConsumer
from topics import DEAD_LETTERS, MAX_MESSAGE_BYTES, SUBSCRIPTIONS, Delivery
from topics.subscriptions import subscription_key

log = structlog.get_logger(__name__)

GIVE_UP: Final = timedelta(hours=4)
"""How long a location that cannot be written to is waited for, as Event Grid does (§5.8)."""
FIRST_PAUSE_SECONDS: Final = 1.0
LONGEST_PAUSE_SECONDS: Final = 60.0
RECORDS_AT_ONCE: Final = 200


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
                await asyncio.sleep(FIRST_PAUSE_SECONDS)
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
            max_poll_interval_ms=int(2 * GIVE_UP.total_seconds() * 1000),
        )
        try:
            await consumer.start()
            while True:
                found = await consumer.getmany(timeout_ms=1000, max_records=RECORDS_AT_ONCE)
                for records in found.values():
                    for record in records:
                        await self._archive(record)
                if found:
                    await consumer.commit()
        finally:
            await consumer.stop()

    async def _archive(self, record: Any) -> None:  # noqa: ANN401 (a record of aiokafka, which has no types)
        file = self._file_of(record)
        if file is None:
            return
        began, pause = self._now(), FIRST_PAUSE_SECONDS
        while True:
            try:
                await asyncio.to_thread(write, self._options.dead_letter_url, file)
            except Exception as error:  # noqa: BLE001 (each storage has errors of its own)
                if self._now() - began > GIVE_UP:
                    log.error("archive.dropped", error=type(error).__name__, partition=record.partition)  # noqa: TRY400
                    return
                log.warning("archive.waiting", error=type(error).__name__)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            else:
                return

    def _file_of(self, record: Any) -> DeadLetterFile | None:  # noqa: ANN401
        try:
            delivery = Delivery.from_record(record.value or b"", record.headers)
            died = dead_letter_of(record.value or b"")
        except (ValueError, msgspec.DecodeError):
            return None
        subscription = self._subscriptions.get(subscription_key(delivery.subscription_id))
        container = container_of(subscription)
        if subscription is None or container is None:
            return None
        return file_of(
            delivery.delivery_id,
            died.last_delivery_attempt_time,
            record.value,
            container=container,
            subscription=subscription.name,
        )


def write(url: str, file: DeadLetterFile) -> None:
    """Write a file below a location of fsspec: a local folder, or `s3://…`, `abfs://…` with its package installed."""
    file_system, root = fsspec.core.url_to_fs(url)
    path = f"{root.rstrip('/')}/{file.path}"
    file_system.makedirs(path.rpartition("/")[0], exist_ok=True)
    # Whole or not at all, also for whoever lists the folder meanwhile.
    with file_system.transaction, file_system.open(path, "wb") as stream:
        stream.write(file.content)
