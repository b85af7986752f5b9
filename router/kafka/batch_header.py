"""The header of a record batch in Kafka's format 2: made, read, and stamped with the producer that writes it."""

import struct
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from router.kafka.checksums import crc32c, with_beginning
from router.kafka.closed_batches import MAGIC, NOBODY

MOST_RECORDS: Final = 8192
"""Of one batch that is put together here; the places of so many are known as bytes."""

COVERED_FROM: Final = 21
"""The CRC covers everything from the attributes on."""

_BEGINNING: Final = struct.Struct(">qiibI")
"""Offset, length, leader's epoch, magic, CRC."""
_COVERED: Final = struct.Struct(">hiqqqhii")
"""Attributes, last offset, times, producer, epoch, sequence, count."""
HEADER_BYTES: Final = _BEGINNING.size + _COVERED.size
MOST_BEFORE_RECORD: Final = 24
"""Length, attributes, timestamp and offset of a record take no more."""

_BEFORE_LENGTH_ENDS: Final = 12
_MAGIC_AT: Final = 16
_NO_EPOCH: Final = -1
_CRC: Final = struct.Struct(">I")
_CRC_AT: Final = 17
_PRODUCER: Final = struct.Struct(">qhi")
_PRODUCER_AT: Final = 43
_CODEC: Final = 0x07
_APPEND_TIME: Final = 0x08
_TRANSACTIONAL: Final = 0x10

Producer = tuple[int, int, int]
"""Id, epoch and sequence."""

NO_PRODUCER: Final[Producer] = (NOBODY, NOBODY, 0)


class Header(NamedTuple):
    """What a header says of its records; times in milliseconds, -1 when there is none."""

    base_offset: int
    first_timestamp: int
    appended: int | None
    """When Kafka appended all of them, if that is their time."""
    records: int
    """How many there are."""


def read_header(data: bytes, at: int) -> Header:
    """Return the header of the batch that begins in some bytes at a place."""
    base_offset, *_ = _BEGINNING.unpack_from(data, at)
    attributes, _, first, last, _, _, _, count = _COVERED.unpack_from(data, at + COVERED_FROM)
    return Header(base_offset, first, last if attributes & _APPEND_TIME else None, count)


def is_of_this_format(data: bytes, at: int) -> bool:
    """Say whether the batch that begins there has such a header."""
    return data[at + _MAGIC_AT] == MAGIC


def codec_of(data: bytes, at: int) -> int:
    """Return how the records of the batch that begins there are compressed: Kafka's number, 0 if they are not."""
    attributes: int
    attributes, *_ = _COVERED.unpack_from(data, at + COVERED_FROM)
    return attributes & _CODEC


def without_codec(batch: bytes, records: bytes) -> bytes:
    """Return a compressed batch with its records as they are, and the CRC that it had."""
    base_offset, _, epoch, magic, crc = _BEGINNING.unpack_from(batch)
    attributes, *others = _COVERED.unpack_from(batch, COVERED_FROM)
    length = HEADER_BYTES + len(records) - _BEFORE_LENGTH_ENDS
    beginning = _BEGINNING.pack(base_offset, length, epoch, magic, crc)
    return b"".join((beginning, _COVERED.pack(attributes & ~_CODEC, *others), records))


def has_its_checksum(data: bytes, at: int) -> bool:
    """Say whether the batch that begins there is what its CRC is of."""
    (crc,) = _CRC.unpack_from(data, at + _CRC_AT)
    return bool(crc == crc32c(data[at + COVERED_FROM : at + size_at(data, at)]))


def size_at(data: bytes, at: int) -> int:
    """Return the size in bytes of the batch that begins there, header and all."""
    length: int
    _, length, *_ = _BEGINNING.unpack_from(data, at)
    return _BEFORE_LENGTH_ENDS + length


class UnstampedBatch:
    """A record batch that many producers can write, each to partitions of its own; its records stand there once."""

    def __init__(self, covered: bytes, records: bytes | memoryview, crc: int) -> None:
        self._covered = covered
        self._records = records
        self._crc = crc
        self._size = len(records)

    @classmethod
    def of(cls, records: bytes, count: int, times: tuple[int, int], *, transactional: bool) -> "UnstampedBatch":
        """Return the batch of some records; `times` are the first one's, and the latest, in milliseconds."""
        covered = _COVERED.pack(_TRANSACTIONAL if transactional else 0, count - 1, *times, *NO_PRODUCER, count)
        return cls(covered, records, crc32c(covered, records))

    @classmethod
    def built(cls, batch: bytearray) -> "UnstampedBatch":
        """Return a batch that has been put together by aiokafka."""
        (crc,) = _CRC.unpack_from(batch, _CRC_AT)
        return cls(bytes(batch[COVERED_FROM:HEADER_BYTES]), memoryview(batch)[HEADER_BYTES:], crc)

    def __len__(self) -> int:
        return HEADER_BYTES + self._size

    def stamped(self, producer: Producer) -> bytes:
        """Return the batch as a producer's own; its CRC is not computed again."""
        changed = bytearray(self._covered)
        _PRODUCER.pack_into(changed, _PRODUCER_AT - COVERED_FROM, *producer)
        covered = bytes(changed)
        return _whole(covered, self._records, with_beginning(self._crc, self._covered, covered, self._size))


def whole_batch(records: bytes, count: int, time: int, producer: Producer) -> bytes:
    """Return records that have all the same time, in milliseconds, as a producer's batch."""
    covered = _COVERED.pack(0, count - 1, time, time, *producer, count)
    return _whole(covered, records, crc32c(covered, records))


def _whole(covered: bytes, records: bytes | memoryview, crc: int) -> bytes:
    length = HEADER_BYTES + len(records) - _BEFORE_LENGTH_ENDS
    return b"".join((_BEGINNING.pack(0, length, _NO_EPOCH, MAGIC, crc), covered, records))


def spans(sizes: Sequence[int], most_bytes: int) -> Iterator[slice]:
    """Return which records in a row, by the sizes of what is theirs alone, go into a batch of so many bytes at most.

    A record that is larger has a batch to itself.
    """
    if len(sizes) <= MOST_RECORDS and HEADER_BYTES + sum(sizes) + len(sizes) * MOST_BEFORE_RECORD <= most_bytes:
        if sizes:  # as nearly always
            yield slice(0, len(sizes))
        return
    begins, room = [0], most_bytes - HEADER_BYTES
    for place, size in enumerate(sizes):
        if place > begins[-1] and (size + MOST_BEFORE_RECORD > room or place - begins[-1] == MOST_RECORDS):
            begins.append(place)
            room = most_bytes - HEADER_BYTES
        room -= size + MOST_BEFORE_RECORD
    for begin, end in pairwise((*begins, len(sizes))):
        yield slice(begin, end)
