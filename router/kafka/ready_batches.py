"""Record batches put together from records that are bytes already; aiokafka's sender takes them like its own."""

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from router.errors import RefusedError
from router.kafka.checksums import crc32c
from router.kafka.closed_batches import MAGIC, ClosedBatch
from router.kafka.ready_records import Varints, varint
from topics import MAX_MESSAGE_BYTES

READY_BATCH_BYTES: Final = 1024 * 1024
"""A request to Kafka holds one batch a partition, so that whatever does not fit waits for another one."""

_BEGINNING: Final = struct.Struct(">qiibI")
"""Offset, length, leader's epoch, magic, CRC."""
_COVERED: Final = struct.Struct(">hiqqqhii")
"""What the CRC covers beside the records: attributes, last offset, times, producer, epoch, sequence, count."""
_HEADER_BYTES: Final = _BEGINNING.size + _COVERED.size
_BEFORE_LENGTH_ENDS: Final = 12
_NO_EPOCH: Final = -1
_MOST_BEFORE_RECORD: Final = 16
"""Length, attributes, timestamp and offset of a record take no more."""
_LARGEST_RECORD: Final = MAX_MESSAGE_BYTES - _HEADER_BYTES - _MOST_BEFORE_RECORD

_TWO_BYTES_FROM: Final = 64
_MOST_RECORDS: Final = 8192
_OFFSETS: Final = [b"\0\0" + varint(offset) for offset in range(_MOST_RECORDS)]
"""What stands between a record's length and its key: attributes, timestamp (the batch's) and offset (in the batch)."""
_lengths_with_three = Varints(3).__getitem__
_lengths_with_four = Varints(4).__getitem__
"""The lengths of records, whose offsets take one byte or two."""


class ReadyBatch(ClosedBatch):
    """Records of one partition, written at one time."""

    def __init__(self, records: Sequence[bytes], timestamp: int) -> None:
        super().__init__()
        self._records = records
        self._timestamp = timestamp
        self._count = len(records)
        self._bytes: bytes | None = None

    def record_count(self) -> int:
        """Return the number of records."""
        return self._count

    def _build(self) -> bytes:
        if self._bytes is None:  # else Kafka is asked again
            self._bytes = self._encoded()
            self._records = ()
        return self._bytes

    def _encoded(self) -> bytes:
        records = b"".join(_numbered(self._records))
        time, last = self._timestamp, self._count - 1
        covered = _COVERED.pack(0, last, time, time, *self._producer, self._count)
        length = _HEADER_BYTES + len(records) - _BEFORE_LENGTH_ENDS
        beginning = _BEGINNING.pack(0, length, _NO_EPOCH, MAGIC, crc32c(covered, records))
        return b"".join((beginning, covered, records))


def batches_of(records: Sequence[bytes], timestamp: int, most_bytes: int = READY_BATCH_BYTES) -> Iterator[ReadyBatch]:
    """Return the batches of a partition's records, in order; a record that is larger than one has a batch to itself."""
    if len(records) <= _MOST_RECORDS and _most_size(records) <= most_bytes:  # as most are
        if records:
            yield ReadyBatch(records, timestamp)
        return
    first, room = 0, most_bytes - _HEADER_BYTES
    for place, size in enumerate(map(len, records)):
        if place > first and (size + _MOST_BEFORE_RECORD > room or place - first == _MOST_RECORDS):
            yield ReadyBatch(records[first:place], timestamp)
            first, room = place, most_bytes - _HEADER_BYTES
        room -= size + _MOST_BEFORE_RECORD
    yield ReadyBatch(records[first:], timestamp)


def _most_size(records: Sequence[bytes]) -> int:
    return _HEADER_BYTES + sum(map(len, records)) + len(records) * _MOST_BEFORE_RECORD


def check_sizes(records: Iterable[bytes]) -> None:
    """Raise RefusedError when a record is larger than a topic takes, before any of them is sent."""
    if max(map(len, records), default=0) > _LARGEST_RECORD:
        raise RefusedError(f"a record has more than {_LARGEST_RECORD} bytes")


def _numbered(records: Sequence[bytes]) -> Iterator[bytes]:
    """Return the pieces of records in a row; no line of Python runs for each of them."""
    near, far = records[:_TWO_BYTES_FROM], records[_TWO_BYTES_FROM:]
    return chain.from_iterable(
        chain(
            zip(map(_lengths_with_three, map(len, near)), _OFFSETS, near, strict=False),
            zip(map(_lengths_with_four, map(len, far)), _OFFSETS[_TWO_BYTES_FROM:], far, strict=False),
        )
    )
