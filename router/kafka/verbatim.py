"""Records as the bytes that they are: read without being taken apart, written again without being put together.

Key, value and headers of a record stand in one piece behind its length, its time and its place in the batch, and are
the same in every topic that it is copied to. What somebody asks for is taken out then. The format is Kafka's second.
"""

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Final, Protocol

import msgspec
from aiokafka.errors import CorruptRecordException

from router.kafka.batch_header import (
    HEADER_BYTES,
    MOST_RECORDS,
    Header,
    UnstampedBatch,
    read_header,
    size_at,
    spans,
)
from router.kafka.ready_records import LENGTHS, Varints, encoded_content, encoded_headers, varint

_LOW: Final = 0x7F
_TWO: Final = 0x3FFF
_NO_TIME: Final = -1
_LATER: Final = Varints(before=b"\0")
"""What stands between a record's length and its place in the batch: no attributes, and how much later it is."""
_PLACES: Final = [varint(place) for place in range(MOST_RECORDS)]
_encoded_of = attrgetter("encoded")
_timestamp_of = attrgetter("timestamp")

Copies = tuple[UnstampedBatch, int]
"""A record batch without a producer, and how many records it holds."""


class ReadRecord(Protocol):
    """A record that was taken apart; aiokafka's have it all."""

    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def timestamp(self) -> int | None: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...  # noqa: D102


class VerbatimRecord(msgspec.Struct, gc=False):
    """A record as it was read; `timestamp` is in milliseconds, and -1 when there is none."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    value: bytes | None
    encoded: bytes
    """Key, value and headers, as they stand in Kafka."""
    headers_at: int
    """Where in these bytes the headers begin, with their number."""

    @property
    def key(self) -> bytes | None:
        """The key, taken out."""
        return _bytes_at(self.encoded, 0)[0]

    @property
    def headers(self) -> list[tuple[str, bytes]]:
        """The headers, taken out; the value of one that has none is None, as aiokafka has it.

        A name may be any bytes: what is not UTF-8 is replaced, where aiokafka refuses the record.
        """
        count, at = _number(self.encoded, self.headers_at)
        headers = []
        for _ in range(count):
            name, at = _bytes_at(self.encoded, at)
            value, at = _bytes_at(self.encoded, at)
            headers.append(((name or b"").decode(errors="replace"), value))
        return headers  # type: ignore[return-value]  # see above


def verbatim_records(data: bytes, at: int, topic: str, partition: int) -> list[VerbatimRecord]:
    """Return the records of the plain batch that begins in some bytes at a place.

    Raises:
        CorruptRecordException: they do not fill the batch, or more than that.
    """
    header, end = read_header(data, at), at + size_at(data, at)
    try:
        records, stopped = _records(data, at + HEADER_BYTES, header, topic, partition)
    except IndexError:
        records, stopped = [], -1
    if stopped != end:
        raise CorruptRecordException(f"a record batch of {topic}/{partition} does not hold what it says")
    if header.appended is not None:
        for record in records:
            record.timestamp = header.appended
    return records


def _records(data: bytes, at: int, header: Header, topic: str, partition: int) -> tuple[list[VerbatimRecord], int]:
    """Return records, and where they end; most numbers have as many bytes as are looked for first."""
    base, first = header.base_offset, header.first_timestamp
    records = []
    for _ in range(header.records):
        size, at = data[at], at + 1
        if size > _LOW:
            size, at = size + (data[at] << 7) - 0x80, at + 1
            if size > _TWO:
                size, at = _longer(data, at, size - 0x4000, 14)
        end, later, place, key_at = at + (size >> 1), data[at + 1], data[at + 2], at + 3
        if later > _LOW or place > _LOW:
            later, at = _unsigned(data, at + 1)
            place, key_at = _unsigned(data, at)
        key, at = data[key_at], key_at + 1
        if key > _LOW:
            key, at = _longer(data, at, key - 0x80, 7)
        if not key & 1:
            at += key >> 1
        length, at = data[at], at + 1
        if length > _LOW:
            length, at = length + (data[at] << 7) - 0x80, at + 1
            if length > _TWO:
                length, at = _longer(data, at, length - 0x4000, 14)
        value = None if length & 1 else data[at : (at := at + (length >> 1))]
        timestamp = first + (~(later >> 1) if later & 1 else later >> 1)
        records.append(
            VerbatimRecord(topic, partition, base + (place >> 1), timestamp, value, data[key_at:end], at - key_at)
        )
        at = end
    return records, at


def verbatim(record: ReadRecord, topic: str, partition: int) -> VerbatimRecord:
    """Return a record that was taken apart, put together again."""
    front, back = encoded_content(record.key, record.value), encoded_headers(record.headers)
    timestamp = _NO_TIME if record.timestamp is None else record.timestamp
    return VerbatimRecord(topic, partition, record.offset, timestamp, record.value, front + back, len(front))


def copied(records: Sequence[VerbatimRecord], now: int, *, transactional: bool, most_bytes: int) -> Iterator[Copies]:
    """Return batches of records as they stand, of at most so many bytes, and how many each holds.

    One that is larger has a batch to itself; `now`, in milliseconds, is for those that have no time.
    """
    for span in spans(list(map(len, map(_encoded_of, records))), most_bytes):
        part = records[span]
        times = [_timestamp_of(record) for record in part]
        if min(times) < 0:
            times = [time if time >= 0 else now for time in times]
        written, around = b"".join(_pieces(part, times)), (times[0], max(times))
        yield UnstampedBatch.of(written, len(part), around, transactional=transactional), len(part)


def _pieces(records: Sequence[VerbatimRecord], times: Sequence[int]) -> list[bytes]:
    lengths, laters, first = LENGTHS, _LATER, times[0]
    pieces: list[bytes] = []
    for record, time, place in zip(records, times, _PLACES, strict=False):
        encoded, later = record.encoded, laters[time - first]
        pieces += (lengths[len(later) + len(place) + len(encoded)], later, place, encoded)
    return pieces


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    """Return a number without its sign taken out, and where it ends."""
    number, at = data[at], at + 1
    return (number, at) if number <= _LOW else _longer(data, at, number - 0x80, 7)


def _longer(data: bytes, at: int, number: int, shift: int) -> tuple[int, int]:
    """Return a number of which so many bits are known."""
    while True:
        byte, at = data[at], at + 1
        number |= (byte & _LOW) << shift
        shift += 7
        if byte <= _LOW:
            return number, at


def _number(data: bytes, at: int) -> tuple[int, int]:
    number, at = _unsigned(data, at)
    return (~(number >> 1) if number & 1 else number >> 1), at


def _bytes_at(data: bytes, at: int) -> tuple[bytes | None, int]:
    length, at = _number(data, at)
    return (None, at) if length < 0 else (data[at : at + length], at + length)
