"""The consumer: reads the three topics without a group, each record once, its offsets kept beside the rows."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import datetime
from time import monotonic
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from router.errors import KafkaUnavailableError
from router.history.options import HistoryOptions
from router.history.rows import attempt_row, dead_letter_row, event_row
from router.history.schema import discard
from router.history.store import Batch, HistoryStore
from router.kafka.admin import admin_client, partition_counts
from router.kafka.connection import connection
from router.kafka.consumer import KafkaConsumer
from router.kafka.fetching import Record, fetched_records
from topics import ATTEMPTS, DEAD_LETTERS, MAX_MESSAGE_BYTES, WORKSPACE_EVENTS

log = structlog.get_logger(__name__)

TOPICS: Final = (ATTEMPTS.name, DEAD_LETTERS.name, WORKSPACE_EVENTS.name)
WAIT_SECONDS: Final = 0.3
GATHERED_BYTES: Final = 1024 * 1024
"""A fetch waits for so much or for WAIT_SECONDS: history may be a moment behind."""
LOOK_FOR_PARTITIONS_SECONDS: Final = 30.0
PRUNE_SECONDS: Final = 30.0
PAUSE_SECONDS: Final = 1.0


class HistoryConsumer:
    """Keeps history.sqlite3 up to date; a broken file is filled anew, a Kafka that is gone waited for."""

    def __init__(self, options: HistoryOptions, now: Callable[[], datetime]) -> None:
        self._options = options
        self._now = now
        self._unreadable = 0

    async def run(self) -> None:
        """Read and write until cancelled."""
        while True:
            try:
                await self._follow()
            except (KafkaError, KafkaUnavailableError, OSError) as error:
                log.warning("history.waiting", error=repr(error))
            except sqlite3.OperationalError as error:
                # The disk is full, or somebody else has locked the file: nothing that a new file would mend.
                log.warning("history.waiting", error=str(error))
            except sqlite3.DatabaseError as error:
                log.warning("history.made_anew", reason=str(error))
                discard(self._options.path)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _follow(self) -> None:
        store = HistoryStore(self._options.path, await _cluster(self._options.bootstrap_servers))
        try:
            consumer = KafkaConsumer(
                **connection(self._options.bootstrap_servers),
                enable_auto_commit=False,
                # Offsets that the topic no longer has: what is left is read from its beginning.
                auto_offset_reset="earliest",
                isolation_level="read_committed",
                fetch_min_bytes=GATHERED_BYTES,
                fetch_max_wait_ms=int(WAIT_SECONDS * 1000),
                max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            )
            try:
                await consumer.start()
                await self._read(consumer, store)
            finally:
                await consumer.stop()
        finally:
            store.close()

    async def _read(self, consumer: KafkaConsumer, store: HistoryStore) -> None:
        next_look = next_prune = float("-inf")
        while True:
            if monotonic() >= next_look:
                are_all_there = await _assign(consumer, self._options.bootstrap_servers, store)
                next_look = monotonic() + (LOOK_FOR_PARTITIONS_SECONDS if are_all_there else PAUSE_SECONDS)
            fetcher = consumer._fetcher  # noqa: SLF001 (getmany makes an object with a dictionary of each record)
            found = await fetched_records(fetcher, None, WAIT_SECONDS, is_urgent=False)
            if found:
                store.apply(self._batch(consumer, found))
            if monotonic() >= next_prune:
                is_more = store.prune(self._now(), self._options.max_bytes)
                next_prune = monotonic() + (0 if is_more else PRUNE_SECONDS)

    def _batch(self, consumer: KafkaConsumer, found: dict[TopicPartition, list[Record]]) -> Batch:
        batch, read = Batch(), 0
        for partition, records in found.items():
            read += len(records)
            if partition.topic == WORKSPACE_EVENTS.name:
                batch.events += filter(None, map(event_row, records))
            elif partition.topic == ATTEMPTS.name:
                batch.attempts += filter(None, map(attempt_row, records))
            else:
                batch.dead_letters += filter(None, map(dead_letter_row, records))
            following = records[-1].offset + 1
            end = consumer.last_stable_offset(partition) or following
            batch.progress[partition.topic, partition.partition] = (following, max(0, end - following))
        self._count_unreadable(read - len(batch.events) - len(batch.attempts) - len(batch.dead_letters))
        return batch

    def _count_unreadable(self, number: int) -> None:
        if number:
            self._unreadable += number
            log.info("history.unreadable", records=number, in_all=self._unreadable)


async def _assign(consumer: KafkaConsumer, bootstrap_servers: str, store: HistoryStore) -> bool:
    """Read every partition there is, also those that were added since, each from where the store has got to.

    Says whether all topics are there: a broker that has just started, or just made them, may not know them yet.
    """
    counts = await partition_counts(bootstrap_servers, TOPICS)
    wanted = {TopicPartition(topic, number) for topic, count in counts.items() for number in range(count)}
    if wanted != consumer.assignment():
        consumer.assign(sorted(wanted))
        known = store.offsets()
        for partition in wanted:
            consumer.seek(partition, known.get((partition.topic, partition.partition), 0))
    return counts.keys() >= set(TOPICS)


async def _cluster(bootstrap_servers: str) -> str:
    """Return the id of the Kafka cluster: offsets mean nothing to another one."""
    async with admin_client(bootstrap_servers) as client:
        return str((await client.describe_cluster()).get("cluster_id"))
