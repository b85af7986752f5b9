"""Record batches put together from records that are bytes already; aiokafka's sender takes them like its own."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from router.errors import RefusedError
from router.kafka.batch_header import HEADER_BYTES, MOST_RECORDS, spans, whole_batch
from router.kafka.closed_batches import ClosedBatch
from router.kafka.ready_records import Varints, varint
from topics import MAX_MESSAGE_BYTES

READY_BATCH_BYTES: Final = 1024 * 1024
"""A request to Kafka holds one batch a partition, so that whatever does not fit waits for another one."""

_MOST_BEFORE_RECORD: Final = 16
"""Length, attributes, timestamp and offset of a record take no more, as all have the batch's time."""
_LARGEST_RECORD: Final = MAX_MESSAGE_BYTES - HEADER_BYTES - _MOST_BEFORE_RECORD

_TWO_BYTES_FROM: Final = 64
_OFFSETS: Final = [b"\0\0" + varint(offset) for offset in range(MOST_RECORDS)]
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
        return whole_batch(b"".join(_numbered(self._records)), self._count, self._timestamp, self._producer)


def batches_of(records: Sequence[bytes], timestamp: int, most_bytes: int = READY_BATCH_BYTES) -> Iterator[ReadyBatch]:
    """Return the batches of a partition's records, in order; a record that is larger than one has a batch to itself."""
    for span in spans(list(map(len, records)), most_bytes):
        yield ReadyBatch(records[span], timestamp)


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
