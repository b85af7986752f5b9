"""Records that are bytes as soon as they are made.

Thousands of events wait for a write together. As keys, values and lists of headers they are a kilobyte of small objects
each, which are in no cache any more when the write comes; as bytes they are one. What is here is the format of Kafka's
records (version 2) behind the length and the place in the batch, which only the batch knows.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from router.kafka.partitioning import placement_of

ReadyRecord = tuple[int, bytes]
"""What a key's partition is told by, and the record: key, value and headers as Kafka has them."""

_KEPT: Final = 8192
_NULL: Final = -1
_MORE: Final = 0x80
_LOW: Final = 0x7F


def varint(number: int) -> bytes:
    """Return a number of up to 64 bits with its sign as Kafka's records have it: zigzag, seven bits a byte."""
    rest = (number << 1) ^ (number >> 63)
    encoded = bytearray()
    while rest > _LOW:
        encoded.append(rest & _LOW | _MORE)
        rest >>= 7
    encoded.append(rest)
    return bytes(encoded)


class Varints(dict[int, bytes]):
    """Numbers as varints, each with something added and bytes before it; those from 0 to 8,191 are encoded once."""

    def __init__(self, added: int = 0, before: bytes = b"") -> None:
        super().__init__()
        self._added = added
        self._before = before

    def __missing__(self, number: int) -> bytes:
        encoded = self._before + varint(number + self._added)
        if 0 <= number < _KEPT:
            self[number] = encoded
        return encoded


LENGTHS: Final = Varints()
"""Lengths as they stand before a text, or counts before what is counted."""


def header_name(name: str) -> bytes:
    """Return the name of a header as it stands in a record; the value's length and the value come next."""
    encoded = name.encode()
    return varint(len(encoded)) + encoded


def header(name: str, value: bytes) -> bytes:
    """Return a whole header as it stands in a record."""
    return header_name(name) + varint(len(value)) + value


def ready_record(key: bytes, value: bytes, headers: Iterable[bytes]) -> ReadyRecord:
    """Return a record; `headers` are the pieces of what stands behind the value: the count of headers, then each."""
    lengths = LENGTHS
    return placement_of(key), b"".join((lengths[len(key)], key, lengths[len(value)], value, *headers))


def ready_record_of(key: bytes, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> ReadyRecord:
    """Return the record of a message that has a key."""
    return placement_of(key), encoded_content(key, value) + encoded_headers(headers)


def encoded_content(key: bytes | None, value: bytes | None) -> bytes:
    """Return key and value as they stand in a record."""
    return _with_length(key) + _with_length(value)


def encoded_headers(headers: Sequence[tuple[str, bytes | None]]) -> bytes:
    """Return the headers as they stand in a record, with their number."""
    return b"".join((varint(len(headers)), *(header_name(name) + _with_length(value) for name, value in headers)))


def _with_length(content: bytes | None) -> bytes:
    return varint(_NULL) if content is None else varint(len(content)) + content
