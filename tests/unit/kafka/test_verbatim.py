"""Records kept as bytes say what aiokafka reads of them, and are written as aiokafka would write them."""

import struct
from types import SimpleNamespace

import pytest
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import example, given
from hypothesis import strategies as st

from router.kafka.batch_header import HEADER_BYTES
from router.kafka.shared_batches import encode
from router.kafka.verbatim import VerbatimRecord, verbatim, verbatim_records

NOW = 1_700_000_000_000
TEXTS = st.none() | st.binary(max_size=5) | st.sampled_from([0, 63, 64, 8191, 8192, 1_100_000]).map(lambda n: b"x" * n)
NAMES = st.text(max_size=3) | st.just("n" * 70)
RECORDS = st.tuples(
    st.sampled_from([0, 1, 63, 64, -1, -64, -65, 10_000, -10_000, 2**40]),
    TEXTS,
    TEXTS,
    st.lists(st.tuples(NAMES, TEXTS), max_size=3) | st.just([("h", b"")] * 70),
)


def a_batch(records, base_offset=0, compression=0):
    """A record batch as a broker keeps it; times are relative to the first one's."""
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, 0, 100_000_000)
    for place, (later, key, value, headers) in enumerate(records):
        builder.append(place, NOW + later, key, value, headers)
    batch = builder.build()
    struct.pack_into(">q", batch, 0, base_offset)
    return bytes(batch)


def plain(records):
    return [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in records]


def as_aiokafka_reads(batch):
    return plain(DefaultRecordBatch(batch))


@given(st.lists(RECORDS, min_size=1, max_size=5), st.integers(0, 2**40), st.binary(max_size=9))
@example([(0, b"k" * 70, b"v", [])] * 200, 0, b"")
def test_they_say_what_aiokafka_reads(records, base_offset, before):
    batch = a_batch(records, base_offset)
    got = verbatim_records(before + batch + b"more", len(before), "workspace.events", 3)
    assert plain(got) == as_aiokafka_reads(batch)
    assert {(record.topic, record.partition) for record in got} == {("workspace.events", 3)}


@given(records=st.lists(RECORDS, min_size=1, max_size=5), transactional=st.booleans())
@example(records=[(0, b"k", b"v" * 1000, [("h", b"x")])] * 300, transactional=True)
def test_they_are_written_as_aiokafka_writes_them(records, transactional):
    got = verbatim_records(a_batch(records, 41), 0, "t", 0)
    ((batch, _),) = encode(got, transactional=transactional, most_bytes=100_000_000)
    written = DefaultRecordBatch(bytes(batch.stamped((7, 1, 5))))
    assert written.validate_crc()
    assert [entry[1:] for entry in plain(written)] == [entry[1:] for entry in plain(got)]
    assert [record.offset for record in DefaultRecordBatch(bytes(batch.stamped((7, 1, 5))))] == list(range(len(got)))
    assert (written.producer_id, written.producer_epoch, written.base_sequence) == (7, 1, 5)
    assert (written.is_transactional, written.last_offset_delta) == (transactional, len(got) - 1)
    assert (written.first_timestamp, written.max_timestamp) == (got[0].timestamp, max(r.timestamp for r in got))


@given(st.lists(RECORDS, min_size=1, max_size=3))
def test_put_together_again_they_are_the_same(records):
    batch = a_batch(records)
    taken_apart = list(DefaultRecordBatch(a_batch(records, compression=1)))
    assert [verbatim(record, "t", 0) for record in taken_apart] == verbatim_records(batch, 0, "t", 0)


def test_records_of_many_batches_are_written_in_batches_of_their_own_size():
    records = [
        record
        for first in range(0, 300, 10)
        for record in verbatim_records(a_batch([(first, b"k", b"%d" % n * 100, []) for n in range(10)]), 0, "t", 0)
    ]
    batches = list(encode(records, transactional=False, most_bytes=4_096))
    assert len(batches) > 1
    assert all(len(batch) <= 4_096 for batch, _ in batches)
    written = [entry for batch, _ in batches for entry in plain(DefaultRecordBatch(bytes(batch.stamped((1, 0, 0)))))]
    assert [entry[1:] for entry in written] == [entry[1:] for entry in plain(records)]


def test_a_record_larger_than_a_batch_has_one_to_itself():
    records = verbatim_records(a_batch([(0, b"k", b"v" * size, []) for size in (1, 5_000, 1)]), 0, "t", 0)
    assert [count for _, count in encode(records, transactional=False, most_bytes=1_000)] == [1, 1, 1]


def test_together_with_others_they_are_written_as_these_are():
    (record,) = verbatim_records(a_batch([(5, b"k", b"v", [("h", b"x")])]), 0, "t", 0)
    other = (NOW, None, b"made", (("a", b"b"),))
    ((batch, _),) = encode([record, other], transactional=False, most_bytes=10_000)
    written = plain(DefaultRecordBatch(bytes(batch.stamped((1, 0, 0)))))
    assert [entry[1:] for entry in written] == [
        (NOW + 5, b"k", b"v", [("h", b"x")]),
        (NOW, None, b"made", [("a", b"b")]),
    ]


def test_a_record_without_a_time_gets_one_when_it_is_written():
    record = VerbatimRecord("t", 0, 0, -1, b"", b"\x01\x00\x00", 2)
    later = VerbatimRecord("t", 0, 1, NOW, b"", b"\x01\x00\x00", 2)
    ((batch, _),) = encode([later, record], transactional=False, most_bytes=10_000)
    first, second = DefaultRecordBatch(bytes(batch.stamped((1, 0, 0))))
    assert first.timestamp == NOW < second.timestamp


def test_the_time_is_the_brokers_where_it_says_so():
    batch = bytearray(a_batch([(0, b"k", b"v", []), (3, b"k", b"v", [])]))
    batch[22] |= 0x08
    struct.pack_into(">q", batch, 35, NOW + 77)
    assert [record.timestamp for record in verbatim_records(bytes(batch), 0, "t", 0)] == [NOW + 77] * 2


@pytest.mark.parametrize("wrong", ["fewer", "more", "longer than the batch", "negative"])
def test_a_batch_that_does_not_hold_what_it_says_is_refused(wrong):
    batch = bytearray(a_batch([(0, b"k", b"v", []), (0, b"k", b"v", [])]))
    if wrong in ("fewer", "more"):
        struct.pack_into(">i", batch, 57, 1 if wrong == "fewer" else 3)
    else:
        batch[HEADER_BYTES] = 0x7E if wrong == "negative" else 0xFE
    with pytest.raises(CorruptRecordException, match="a record batch of t/0 does not hold what it says"):
        verbatim_records(bytes(batch), 0, "t", 0)


def test_a_record_that_was_taken_apart_and_has_no_time_says_so():
    record = SimpleNamespace(offset=1, timestamp=None, key=None, value=b"v", headers=())
    assert verbatim(record, "t", 0) == VerbatimRecord("t", 0, 1, -1, b"v", b"\x01\x02v\x00", 3)
