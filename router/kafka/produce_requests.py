"""Produce requests put together in one piece.

aiokafka joins a request level by level (batch, partition, topic, request), so that each byte of a batch is copied five
times before it is sent; at ten sinks that was an eighth of fan-out's CPU time. What is sent is the same, as
tests/contract/test_aiokafka_internals.py proves.
"""

import struct
from typing import Any, Final

from aiokafka.protocol import produce

_COUNT: Final = struct.Struct(">i").pack
_BEGINNING: Final = struct.Struct(">hii").pack
"""Acknowledgements, time-out, number of topics."""
_LENGTH: Final = struct.Struct(">h").pack
_PARTITION: Final = struct.Struct(">ii").pack
"""Its number, and the size of its batch."""
_NO_TEXT: Final = -1

SAME_FROM_VERSION_3: Final = (
    produce.ProduceRequest_v3,
    produce.ProduceRequest_v4,
    produce.ProduceRequest_v5,
    produce.ProduceRequest_v6,
    produce.ProduceRequest_v7,
)
"""Requests of the same form: all that a Kafka is sent that knows transactions."""


def encoded(request: Any) -> bytes:  # noqa: ANN401 (aiokafka is untyped)
    """Return a produce request as bytes; each byte of its batches is copied once."""
    pieces = [_text(request.transactional_id), _BEGINNING(request.required_acks, request.timeout, len(request.topics))]
    for topic, partitions in request.topics:
        pieces += (_text(topic), _COUNT(len(partitions)))
        for partition, batch in partitions:
            pieces += (_PARTITION(partition, len(batch)), batch)
    return b"".join(pieces)


def _text(text: str | None) -> bytes:
    if text is None:
        return _LENGTH(_NO_TEXT)
    content = text.encode()
    return _LENGTH(len(content)) + content


def install() -> None:
    """Let every producer of this process put its requests together so."""
    for request in SAME_FROM_VERSION_3:
        request.encode = encoded
