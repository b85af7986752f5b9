"""Reading whole record batches from an aiokafka fetcher, at half the cost of its ConsumerRecords.

What is relied on in aiokafka 0.14 is guarded by tests/contract/test_aiokafka_internals.py.
"""

import asyncio
from collections.abc import Iterator
from itertools import chain
from typing import Any

import msgspec
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher as fetcher_module
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords

from router.kafka.batch_header import codec_of, has_its_checksum, is_of_this_format, size_at
from router.kafka.compression import uncompressed
from router.kafka.consumer import check_that_it_fetches
from router.kafka.verbatim import verbatim, verbatim_records

_AT_ONCE = (1, 50)
"""Fewest bytes and most milliseconds of a fetch: nothing came lately, and what comes is wanted at once."""
_GATHERED = (64 * 1024, 5)
"""Records come all the time: a fetch for each would cost more than to wait for a few."""
_QUIET_SECONDS = 0.05


class Record(msgspec.Struct, gc=False):
    """A record as it was read; `timestamp` is in milliseconds, and -1 when there is none."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class BatchedRecords(PartitionRecords):
    """What was fetched of one partition; gives a record batch at a time, as a list of records."""

    next_fetch_offset: int
    _records: "KeptRecords"

    @classmethod
    def of(cls, fetched: PartitionRecords) -> "BatchedRecords":
        """Take over what nobody has begun to read."""
        fetched._records_iterator = None  # noqa: SLF001 (a cycle that would hold megabytes until it is collected)
        return cls(
            fetched._tp,  # noqa: SLF001 (a class of the same family)
            fetched._records,  # noqa: SLF001
            fetched._aborted_transactions,  # noqa: SLF001
            fetched.next_fetch_offset,
            None,
            None,
            fetched._check_crcs,  # noqa: SLF001
            fetched._isolation_level,  # noqa: SLF001
        )

    def _unpack_records(self) -> Iterator[list[Any]]:
        topic, partition = self._tp
        while self._records.has_next():
            batch = self._records.next_batch()
            if self._check_crcs and not self._is_whole(batch):
                raise CorruptRecordException(f"a record batch of {topic}/{partition} has a wrong CRC")
            first = int(self.next_fetch_offset)
            if self._is_to_be_read(batch):
                try:
                    records = self._records_of(batch, topic, partition)
                except UnicodeDecodeError:  # a header's name may be any bytes, and aiokafka stops there
                    records = verbatim_records(uncompressed(*self._records.place), 0, topic, partition)
                if records and records[0].offset < first:  # a batch may begin before the offset that was asked for
                    records = [record for record in records if record.offset >= first]
            else:
                records = []
            # Also past what compaction removed from the end of the batch.
            self.next_fetch_offset = batch.next_offset
            if records:
                yield records

    def _is_whole(self, batch: Any) -> bool:  # noqa: ANN401 (aiokafka is untyped)
        return bool(batch.validate_crc())

    def _records_of(self, batch: Any, topic: str, partition: int) -> list[Any]:  # noqa: ANN401 (aiokafka is untyped)
        return [
            Record(topic, partition, r.offset, -1 if (at := r.timestamp) is None else at, r.key, r.value, r.headers)
            for r in batch
        ]

    def _is_to_be_read(self, batch: Any) -> bool:  # noqa: ANN401 (aiokafka is untyped)
        """Whether a batch holds records, and these are committed."""
        if self._isolation_level == READ_COMMITTED and batch.producer_id is not None:
            self._consume_aborted_up_to(batch.base_offset)
            if batch.is_control_batch:
                if self._contains_abort_marker(batch):
                    self._aborted_producers.discard(batch.producer_id)
            elif batch.is_transactional and batch.producer_id in self._aborted_producers:
                return False
        return not batch.is_control_batch


class KeptRecords:
    """The batches of a fetch, as aiokafka's MemoryRecords gives them, and where each stands in what was fetched."""

    def __init__(self, fetched: bytes) -> None:
        self._fetched = fetched
        self._at = self._next = 0
        self._batches = MemoryRecords(fetched)

    def has_next(self) -> bool:
        """Say whether another whole batch is there."""
        return bool(self._batches.has_next())

    def size_in_bytes(self) -> int:
        """Return how much was fetched, if only a part of a batch."""
        return int(self._batches.size_in_bytes())

    def next_batch(self) -> Any:  # noqa: ANN401 (aiokafka is untyped)
        """Return the next batch."""
        batch = self._batches.next_batch()
        if batch is not None:
            self._at, self._next = self._next, self._next + size_at(self._fetched, self._next)
        return batch

    @property
    def place(self) -> tuple[bytes, int]:
        """All that was fetched, and where the last batch begins in it."""
        return self._fetched, self._at


# aiokafka's fetcher gives nobody the bytes that it read; this is where it takes them apart.
fetcher_module.MemoryRecords = KeptRecords


class VerbatimBatches(BatchedRecords):
    """What was fetched of one partition; gives a record batch at a time, as a list of verbatim records."""

    def _is_whole(self, batch: Any) -> bool:  # noqa: ANN401 (aiokafka is untyped)
        place = self._records.place
        return has_its_checksum(*place) if is_of_this_format(*place) else super()._is_whole(batch)

    def _records_of(self, batch: Any, topic: str, partition: int) -> list[Any]:  # noqa: ANN401 (aiokafka is untyped)
        place = self._records.place
        if is_of_this_format(*place) and not codec_of(*place):
            return verbatim_records(*place, topic, partition)
        return [verbatim(record, topic, partition) for record in batch]


async def fetched_records(
    fetcher: Any,  # noqa: ANN401 (aiokafka is untyped)
    partitions: set[Any] | None,
    timeout_seconds: float,
    *,
    is_urgent: bool = True,
    read_as: type[BatchedRecords] = BatchedRecords,
) -> dict[TopicPartition, list[Any]]:
    """Return what was fetched of the given partitions, or of all; waits for it, and returns nothing after the time.

    While the consumer has no assignment it waits for one, and that counts as time too: aiokafka's own waits for ever.
    What is urgent sets itself how much a fetch waits for; else it is as the consumer was made. `read_as` says what
    records are: `Record`, or `VerbatimRecord` of `VerbatimBatches`.

    Raises:
        KafkaError: the fetcher has ended, and nothing will come any more.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_seconds
    while True:
        if fetcher._subscriptions.reassignment_in_progress:  # noqa: SLF001
            if not await _something_is_assigned(fetcher, deadline - loop.time()):
                return {}
            continue
        for result in fetcher._records.values():  # noqa: SLF001
            _make_batched(result, read_as)
        # Without time to wait it does not let go of the loop: nothing that was fetched meanwhile is left as it was.
        drained = await fetcher.fetched_records(partitions, timeout=0)
        if drained:
            if is_urgent:
                _ask_for(fetcher, _GATHERED)
            return {partition: list(chain.from_iterable(batches)) for partition, batches in drained.items()}
        if not await _something_came(fetcher, deadline - loop.time(), is_urgent=is_urgent):
            return {}


async def _something_is_assigned(fetcher: Any, seconds: float) -> bool:  # noqa: ANN401 (aiokafka is untyped)
    subscriptions = fetcher._subscriptions  # noqa: SLF001
    waiter = subscriptions.wait_for_assignment()
    await asyncio.wait([waiter], timeout=seconds)
    if not waiter.done():
        subscriptions._assignment_waiters.remove(waiter)  # noqa: SLF001 (they would gather there)
        return False
    waiter.result()  # raises what the consumer ended with
    return True


async def _something_came(fetcher: Any, seconds: float, *, is_urgent: bool) -> bool:  # noqa: ANN401 (aiokafka is untyped)
    waiter = fetcher._create_fetch_waiter()  # noqa: SLF001
    await asyncio.wait([waiter], timeout=min(seconds, _QUIET_SECONDS))
    if not waiter.done():
        if is_urgent:
            _ask_for(fetcher, _AT_ONCE)
        await asyncio.wait([waiter], timeout=seconds - _QUIET_SECONDS)
    if not waiter.done() or fetcher._closed:  # noqa: SLF001
        waiter.cancel()
        check_that_it_fetches(fetcher)
        return False
    waiter.result()  # raises what the fetcher ended with
    return True


def _ask_for(fetcher: Any, amount: tuple[int, int]) -> None:  # noqa: ANN401 (aiokafka is untyped)
    fetcher._fetch_min_bytes, fetcher._fetch_max_wait_ms = amount  # noqa: SLF001


def _make_batched(result: Any, read_as: type[BatchedRecords]) -> None:  # noqa: ANN401 (a result or an error)
    if type(result) is FetchResult and type(result._partition_records) is PartitionRecords:  # noqa: SLF001
        result._partition_records = read_as.of(result._partition_records)  # noqa: SLF001
