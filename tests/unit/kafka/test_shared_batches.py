"""What is written is read back with aiokafka's own reader."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka.record.default_records import DefaultRecordBatch

from router.kafka.record_batches import send_batches
from router.kafka.shared_batches import StampedBatch, encode


def a_record(number):
    key = None if number % 7 == 0 else b"key %d" % number
    headers = () if number % 5 == 0 else (("content-type", b"text"), ("größe", b"\x00\xff"))
    return (1_700_000_000_000 + number, key, b"value %d" % number * 20, headers)


def read(batch):
    """The records of a batch as they were written, and the batch."""
    parsed = DefaultRecordBatch(bytes(batch))
    assert parsed.validate_crc()
    return [(r.timestamp, r.key, r.value, tuple(r.headers)) for r in parsed], parsed


def test_records_come_back_as_they_were_and_batches_stay_below_their_size():
    records = [a_record(number) for number in range(500)]
    batches = list(encode(records, transactional=False, most_bytes=16_384))
    assert len(batches) > 1
    assert all(len(batch) <= 16_384 for batch, _ in batches)
    got = [record for batch, _ in batches for record in read(batch.stamped((1, 0, 0)))[0]]
    assert got == records


def test_a_record_larger_than_a_batch_has_one_to_itself():
    large = (1, b"k", b"x" * 5000, ())
    batches = list(encode([a_record(1), large, a_record(2)], transactional=False, most_bytes=1000))
    assert [count for _, count in batches] == [1, 1, 1]
    assert read(batches[1][0].stamped((1, 0, 0)))[0] == [large]


@pytest.mark.parametrize("transactional", [True, False])
def test_each_partition_gets_the_producer_and_the_sequence_of_its_own(transactional):
    records = [a_record(number) for number in range(10)]
    ((batch, _),) = encode(records, transactional=transactional, most_bytes=100_000)
    for producer in ((1, 0, 0), (2**40, 32_000, 2**31 - 1), (1, 0, 10)):
        got, parsed = read(batch.stamped(producer))
        assert got == records
        assert (parsed.producer_id, parsed.producer_epoch, parsed.base_sequence) == producer
        assert (parsed.is_transactional, parsed.last_offset_delta) == (transactional, 9)


def test_a_batch_takes_nothing_more():
    (encoded,) = encode([a_record(1)], transactional=False, most_bytes=1000)
    batch = StampedBatch(encoded)
    assert batch.append(timestamp=None, key=None, value=b"more") is None
    assert (batch.closed(), batch.record_count(), batch.size()) == (True, 1, len(encoded[0]))


class RecordingProducer:
    """Keeps the batches that it is handed."""

    def __init__(self, transactional_id=None):
        self._txn_manager = SimpleNamespace(transactional_id=transactional_id)
        self.client = self
        self.batches = []

    async def add_topic(self, topic):
        pass

    async def send_batch(self, batch, topic, *, partition):
        self.batches.append(((topic, partition), batch))
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


async def test_sinks_with_the_same_events_share_their_encoding_and_others_do_not():
    records = [a_record(number) for number in range(20)]
    producer = RecordingProducer("fan-out")
    outputs = {
        ("a", 0): list(records),
        ("b", 0): list(records),
        ("some", 0): records[::2],
        ("ends alike", 0): [records[0], *records[2:11], *records[10:]],
        ("none", 0): [],
    }
    await asyncio.gather(*await send_batches(producer, outputs))
    written = {destination: batch._build() for destination, batch in producer.batches}  # noqa: SLF001 (as the sender)
    assert {destination: read(batch)[0] for destination, batch in written.items()} == {
        destination: got for destination, got in outputs.items() if got
    }
    assert all(read(batch)[1].is_transactional for batch in written.values())
    shared = {id(batch._records) for (topic, _), batch in producer.batches if topic in "ab"}  # noqa: SLF001
    assert len(shared) == 1


async def test_batches_are_handed_over_breadth_first():
    large = [(1, None, b"x" * 200_000, ()) for _ in range(3)]
    producer = RecordingProducer()
    await send_batches(producer, {("a", 0): large, ("b", 0): list(large), ("c", 1): [a_record(1)]})
    assert [destination for destination, _ in producer.batches] == [
        *(("a", 0), ("b", 0), ("c", 1)),
        *(("a", 0), ("b", 0)),
        *(("a", 0), ("b", 0)),
    ]
