"""Record batches that are encoded once and written to many partitions.

Partitions that get the same records in a row differ in the batch header only: producer id, epoch and sequence. What is
relied on in aiokafka 0.14 (how its sender treats a batch) is guarded by tests/contract/test_aiokafka_internals.py.
"""

import time
from collections.abc import Iterator, Sequence
from typing import Final, TypeGuard

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from router.kafka.batch_header import UnstampedBatch
from router.kafka.closed_batches import MAGIC, NOBODY, ClosedBatch
from router.kafka.verbatim import VerbatimRecord, copied

Fields = tuple[int | None, bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""Timestamp in milliseconds (None: now), key, value, headers."""

OutRecord = Fields | VerbatimRecord

EncodedRecords = tuple[UnstampedBatch, int]
"""A record batch without a producer yet, and how many records it holds."""

_UNCOMPRESSED: Final = 0


class StampedBatch(ClosedBatch):
    """Encoded records, as the batch of one partition."""

    def __init__(self, records: EncodedRecords) -> None:
        super().__init__()
        self._records, self._count = records

    def record_count(self) -> int:
        """Return the number of records."""
        return self._count

    def size(self) -> int:
        """Return the number of bytes."""
        return len(self._records)

    def _build(self) -> bytes:
        return self._records.stamped(self._producer)


def encode(records: Sequence[OutRecord], *, transactional: bool, most_bytes: int) -> Iterator[EncodedRecords]:
    """Encode records as batches of at most so many bytes; a record that is larger has a batch to itself."""
    if _are_verbatim(records):
        now = time.time_ns() // 1_000_000
        yield from copied(records, now, transactional=transactional, most_bytes=most_bytes)
        return
    builder, count = _builder(transactional, most_bytes), 0
    for timestamp, key, value, headers in map(fields_of, records):
        # aiokafka wants a list, and keeps none.
        listed = headers if type(headers) is list else list(headers)
        if builder.append(count, timestamp, key, value, listed) is None:
            yield UnstampedBatch.built(builder.build()), count
            builder, count = _builder(transactional, most_bytes), 0
            builder.append(count, timestamp, key, value, listed)
        count += 1
    if count:
        yield UnstampedBatch.built(builder.build()), count


def _are_verbatim(records: Sequence[OutRecord]) -> TypeGuard[Sequence[VerbatimRecord]]:
    return set(map(type, records)) == {VerbatimRecord}


def fields_of(record: OutRecord) -> Fields:
    """Return a record taken apart."""
    if isinstance(record, tuple):
        return record
    timestamp = record.timestamp if record.timestamp >= 0 else None
    return timestamp, record.key, record.value, record.headers


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
