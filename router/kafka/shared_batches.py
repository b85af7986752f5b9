"""Record batches that are encoded once and written to many partitions.

Partitions that get the same records in a row differ in the batch header only: producer id, epoch and sequence. What is
relied on in aiokafka 0.14 (how its sender treats a batch) is guarded by tests/contract/test_aiokafka_internals.py.
"""

import struct
from collections.abc import Iterator, Sequence
from typing import Final

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from router.kafka.checksums import with_beginning
from router.kafka.closed_batches import MAGIC, NOBODY, ClosedBatch

OutRecord = tuple[int | None, bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""Timestamp in milliseconds (None: now), key, value, headers."""

_UNCOMPRESSED: Final = 0
_CRC: Final = struct.Struct(">I")
_CRC_AT: Final = 17
_COVERED_FROM: Final = 21
"""The CRC covers everything from the attributes on."""
_PRODUCER = struct.Struct(">qhi")
_PRODUCER_AT: Final = 43
_HEADER: Final = 61


class EncodedRecords:
    """One record batch as bytes, without a producer yet."""

    def __init__(self, builder: DefaultRecordBatchBuilder, count: int) -> None:
        self.count = count
        self._bytes: bytearray = builder.build()

    def __len__(self) -> int:
        return len(self._bytes)

    def stamped(self, producer_id: int, epoch: int, sequence: int) -> bytearray:
        """Return the batch as a producer's own."""
        stamped = self._bytes.copy()
        _PRODUCER.pack_into(stamped, _PRODUCER_AT, producer_id, epoch, sequence)
        (crc,) = _CRC.unpack_from(self._bytes, _CRC_AT)
        crc = with_beginning(
            crc,
            bytes(self._bytes[_COVERED_FROM:_HEADER]),
            bytes(stamped[_COVERED_FROM:_HEADER]),
            len(stamped) - _HEADER,
        )
        _CRC.pack_into(stamped, _CRC_AT, crc)
        return stamped


class StampedBatch(ClosedBatch):
    """Encoded records, as the batch of one partition."""

    def __init__(self, records: EncodedRecords) -> None:
        super().__init__()
        self._records = records

    def record_count(self) -> int:
        """Return the number of records."""
        return self._records.count

    def size(self) -> int:
        """Return the number of bytes."""
        return len(self._records)

    def _build(self) -> bytearray:
        return self._records.stamped(*self._producer)


def encode(records: Sequence[OutRecord], *, transactional: bool, most_bytes: int) -> Iterator[EncodedRecords]:
    """Encode records as batches of at most so many bytes; a record that is larger has a batch to itself."""
    builder, count = _builder(transactional, most_bytes), 0
    for timestamp, key, value, headers in records:
        # aiokafka wants a list, and keeps none.
        listed = headers if type(headers) is list else list(headers)
        if builder.append(count, timestamp, key, value, listed) is None:
            yield EncodedRecords(builder, count)
            builder, count = _builder(transactional, most_bytes), 0
            builder.append(count, timestamp, key, value, listed)
        count += 1
    if count:
        yield EncodedRecords(builder, count)


def _builder(transactional: bool, most_bytes: int) -> DefaultRecordBatchBuilder:  # noqa: FBT001 (private)
    return DefaultRecordBatchBuilder(
        MAGIC,
        _UNCOMPRESSED,
        is_transactional=transactional,
        producer_id=NOBODY,
        producer_epoch=NOBODY,
        base_sequence=0,
        batch_size=most_bytes,
    )
