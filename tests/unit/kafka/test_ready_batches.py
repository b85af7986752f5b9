"""Batches of records that are bytes already are, byte for byte, what aiokafka makes of the same records."""

import pytest
from aiokafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from router.errors import RefusedError
from router.kafka.memory import messages_of
from router.kafka.partitioning import partition_of, placement_of
from router.kafka.producer import Message
from router.kafka.ready_batches import ReadyBatch, batches_of, check_sizes
from router.kafka.ready_records import ready_record_of, varint
from topics import MAX_MESSAGE_BYTES

NOW = 1_700_000_000_000
PRODUCER = (2**40, 7, 12_345)
LENGTHS = st.sampled_from([0, 1, 63, 64, 127, 128, 700, 8191, 8192, 70_000])
TEXTS = st.binary(max_size=5) | LENGTHS.map(lambda length: b"x" * length)
HEADERS = st.lists(st.tuples(st.text(max_size=3), TEXTS), max_size=3)


def built(batch):
    batch._set_producer_state(*PRODUCER)  # noqa: SLF001 (as the sender)
    return bytes(batch._build())  # noqa: SLF001


def as_aiokafka_builds(records):
    builder = DefaultRecordBatchBuilder(2, 0, 0, *PRODUCER, 10_000_000)
    for place, (key, value, headers) in enumerate(records):
        builder.append(place, NOW, key, value, headers)
    return bytes(builder.build())


def content(key, value, headers):
    return ready_record_of(key, value, headers)[1]


@given(st.lists(st.tuples(TEXTS, st.none() | TEXTS, HEADERS), min_size=1, max_size=4))
def test_they_are_what_aiokafka_builds(records):
    batch = ReadyBatch([content(*record) for record in records], NOW)
    assert built(batch) == as_aiokafka_builds(records)


@pytest.mark.parametrize("count", [1, 63, 64, 65, 127, 128, 129, 8191, 8192])
def test_they_are_what_aiokafka_builds_however_many_they_are(count):
    records = [(b"k%d" % number, b"v" * (number % 130), [("h", b"x")]) for number in range(count)]
    assert built(ReadyBatch([content(*record) for record in records], NOW)) == as_aiokafka_builds(records)


@pytest.mark.parametrize("most_bytes", [300, 1000, 3_000])
def test_batches_keep_the_order_and_stay_below_their_size(most_bytes):
    records = [content(b"k", b"%d" % number * (number % 9), []) for number in range(200)]
    batches = [built(batch) for batch in batches_of(records, NOW, most_bytes)]
    assert len(batches) > 1
    assert max(map(len, batches)) <= most_bytes
    values = [record.value for batch in batches for record in DefaultRecordBatch(batch)]
    assert values == [b"%d" % number * (number % 9) for number in range(200)]


def test_a_record_larger_than_a_batch_has_one_to_itself_and_no_batch_has_more_than_8192():
    large = content(b"k", b"x" * 5000, [])
    small = content(b"k", b"v", [])
    assert [batch.record_count() for batch in batches_of([small, large, small], NOW, 1000)] == [1, 1, 1]
    assert [batch.record_count() for batch in batches_of([small] * 10_000, NOW)] == [8192, 10_000 - 8192]
    assert list(batches_of([], NOW)) == []


def test_a_batch_is_the_same_when_it_is_sent_again():
    batch = ReadyBatch([content(b"k", b"v", [])] * 3, NOW)
    assert built(batch) == bytes(batch._build())  # noqa: SLF001
    assert batch.record_count() == 3
    assert batch.closed()
    assert batch.append(timestamp=None, key=None, value=b"more") is None


def test_what_is_read_is_what_was_made_ready():
    messages = [
        Message(b"k", "größe".encode(), [("content-type", b"text"), ("ü", b"\x00\xff")]),
        Message(b"", None, []),
    ]
    assert messages_of([ready_record_of(*message) for message in messages]) == messages


@given(st.binary(), st.integers(min_value=1, max_value=100))
def test_a_record_goes_where_its_key_belongs(key, count):
    assert ready_record_of(key, b"", [])[0] % count == placement_of(key) % count == partition_of(key, count)


@pytest.mark.parametrize(
    ("number", "encoded"), [(0, "00"), (-1, "01"), (1, "02"), (63, "7e"), (64, "8001"), (-65, "8101")]
)
def test_numbers_are_in_zigzag(number, encoded):
    assert varint(number).hex() == encoded


def test_a_record_that_no_batch_can_hold_is_refused():
    check_sizes([])
    check_sizes([b"x" * (MAX_MESSAGE_BYTES - 100)])
    with pytest.raises(RefusedError):
        check_sizes([b"", b"x" * (MAX_MESSAGE_BYTES - 60)])
