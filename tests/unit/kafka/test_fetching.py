"""Fetched bytes are read as aiokafka itself reads them."""

import asyncio
import struct
from itertools import chain

import pytest
from aiokafka import TopicPartition
from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.consumer.fetcher import READ_COMMITTED, READ_UNCOMMITTED, PartitionRecords
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.errors import CorruptRecordException, GroupAuthorizationFailedError
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from router.kafka.batch_header import HEADER_BYTES, UnstampedBatch
from router.kafka.fetching import BatchedRecords, KeptRecords, VerbatimBatches, fetched_records
from tests.waiting import until

PARTITION = TopicPartition("workspace.events", 3)
ABORT, COMMIT = 0, 1
ENCODERS = (bytes, gzip_encode, snappy_encode, lz4_encode, zstd_encode)
"""By Kafka's number."""


def a_batch(base_offset, count, *, transaction_of=None, compression=0, timestamp=1_700_000_000_000):
    """A record batch as a broker keeps it."""
    producer = -1 if transaction_of is None else transaction_of
    builder = DefaultRecordBatchBuilder(2, compression, transaction_of is not None, producer, 0, 0, 1_000_000)
    for number in range(count):
        headers = [("n", b"%d" % number)] if number % 2 else []
        builder.append(number, timestamp + number, b"k" if number else None, b"v%d" % (base_offset + number), headers)
    return placed(builder.build(), base_offset)


def a_marker(base_offset, kind, producer):
    builder = DefaultRecordBatchBuilder(2, 0, 1, producer, 0, 0, 1_000_000)
    builder.append(0, 1, struct.pack(">hh", 0, kind), b"\x00" * 6, [])
    batch = placed(builder.build(), base_offset)
    batch[22] |= 0x20  # a control batch; nobody has told the CRC
    return batch


def placed(batch, base_offset):
    struct.pack_into(">q", batch, 0, base_offset)
    return batch


def read(kind, fetched, *, offset=0, isolation=READ_COMMITTED, check=True):
    """All records, and where to go on; producer 7's transaction at offset 5 was aborted."""
    records = kind(PARTITION, KeptRecords(b"".join(fetched)), [(7, 5)], offset, None, None, check, isolation)
    got = list(records)
    return (got if kind is PartitionRecords else list(chain.from_iterable(got))), records.next_fetch_offset


def plain(records):
    return [(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in records]


BATCHED = pytest.mark.parametrize("kind", [BatchedRecords, VerbatimBatches])


@BATCHED
@pytest.mark.parametrize("isolation", [READ_COMMITTED, READ_UNCOMMITTED])
@pytest.mark.parametrize("offset", [0, 3])
def test_records_are_those_that_aiokafka_reads(offset, isolation, kind):
    fetched = [
        a_batch(0, 5),
        a_batch(5, 2, transaction_of=7),
        a_batch(7, 3, transaction_of=8),
        a_marker(10, ABORT, 7),
        a_marker(11, COMMIT, 8),
        a_batch(12, 4, transaction_of=7, compression=4),
        a_marker(16, COMMIT, 7),
    ]
    settings = {"offset": offset, "isolation": isolation, "check": False}
    expected, next_expected = read(PartitionRecords, fetched, **settings)
    got, next_offset = read(kind, fetched, **settings)
    assert plain(got) == plain(expected)
    assert (next_offset, next_expected) == (17, 17)
    assert (b"v5" in {r.value for r in got}) == (isolation == READ_UNCOMMITTED)


@BATCHED
def test_what_was_cut_off_by_the_fetch_size_is_left_for_the_next(kind):
    whole, cut = a_batch(0, 3), a_batch(3, 3)
    got, next_offset = read(kind, [whole, cut[:-1]])
    assert ([r.offset for r in got], next_offset) == ([0, 1, 2], 3)


@BATCHED
def test_a_record_without_a_timestamp_says_so(kind):
    got, _ = read(kind, [a_batch(0, 1, timestamp=-1)])
    assert [r.timestamp for r in got] == [-1]


@BATCHED
def test_bytes_that_changed_on_the_way_are_refused(kind):
    broken = a_batch(0, 3)
    broken[-1] ^= 1
    with pytest.raises(CorruptRecordException, match="a wrong CRC"):
        read(kind, [broken])


@BATCHED
@pytest.mark.parametrize("check", [True, False])
def test_batches_of_the_format_before_are_read_too(check, kind):
    old = LegacyRecordBatchBuilder(1, 0, 10_000)
    for number in range(3):
        old.append(number, timestamp=9, key=b"k", value=b"old %d" % number)
    got, next_offset = read(kind, [old.build()], check=check)
    assert plain(got) == [("workspace.events", 3, number, 9, b"k", b"old %d" % number, ()) for number in range(3)]
    assert next_offset == 3


@BATCHED
@pytest.mark.parametrize("compression", [0, 1, 2, 3, 4])
def test_a_header_whose_name_is_no_text_stops_nothing(compression, kind):
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1_000_000)
    for number in range(2):
        builder.append(number, 9, b"k", b"v%d" % number, [("n" * 9, b"x")])
    records = bytes(builder.build())[HEADER_BYTES:].replace(b"n" * 9, b"\xff" * 9)
    batch = UnstampedBatch.of(ENCODERS[compression](records), 2, (9, 9), transactional=False).stamped((7, 0, 0))
    batch = bytearray(batch)
    batch[22] |= compression
    got, next_offset = read(kind, [batch, a_batch(2, 1)], check=False)
    assert [(r.offset, r.value) for r in got] == [(0, b"v0"), (1, b"v1"), (2, b"v2")]
    assert got[0].headers == [("\ufffd" * 9, b"x")]
    assert next_offset == 3


def test_taking_over_what_was_fetched_leaves_no_cycle_behind():
    fetched = PartitionRecords(PARTITION, MemoryRecords(bytes(a_batch(0, 2))), [], 0, None, None, None, READ_COMMITTED)
    batched = BatchedRecords.of(fetched)
    assert fetched._records_iterator is None  # noqa: SLF001
    assert [len(batch) for batch in batched] == [2]


class FetcherWithoutRecords:
    """A fetcher of a consumer that nothing is assigned to; it counts how often it is asked."""

    def __init__(self):
        self._subscriptions, self._records, self._closed, self.asked = SubscriptionState(), {}, False, 0
        self._fetch_task = asyncio.get_running_loop().create_future()

    async def fetched_records(self, _partitions, timeout):  # noqa: ASYNC109 (aiokafka's signature)
        assert timeout == 0
        self.asked += 1
        return {}

    def _create_fetch_waiter(self):
        return asyncio.get_running_loop().create_future()


async def test_without_an_assignment_nothing_is_there_after_the_time():
    fetcher = FetcherWithoutRecords()
    for _ in range(3):
        assert await asyncio.wait_for(fetched_records(fetcher, None, 0.01, is_urgent=False), 20) == {}
    assert fetcher.asked == 0
    assert not fetcher._subscriptions._assignment_waiters  # noqa: SLF001 (none is left behind)


async def test_an_assignment_is_waited_for_as_long_as_there_is_time():
    fetcher = FetcherWithoutRecords()
    fetching = asyncio.create_task(fetched_records(fetcher, None, 30, is_urgent=False))
    await asyncio.sleep(0)
    fetcher._subscriptions.assign_from_user([PARTITION])  # noqa: SLF001
    await until(lambda: fetcher.asked == 1)
    fetching.cancel()


async def test_what_the_consumer_ended_with_is_raised_to_who_waits_for_an_assignment():
    fetcher = FetcherWithoutRecords()
    fetching = asyncio.create_task(fetched_records(fetcher, None, 30, is_urgent=False))
    await asyncio.sleep(0)
    fetcher._subscriptions.register_fetch_waiters(())  # noqa: SLF001
    fetcher._subscriptions.abort_waiters(GroupAuthorizationFailedError("router-fanout"))  # noqa: SLF001
    with pytest.raises(GroupAuthorizationFailedError):
        await fetching
