"""CRC-32C in the instructions of the processor; also of bytes whose beginning was changed, without reading the rest.

A CRC is linear: when two texts of one length differ only in their first bytes, so do their CRCs only by what the
difference of the beginnings becomes after as many zero bytes as follow. In the field of polynomials over two elements,
modulo CRC-32C's, appending n zero bytes is a multiplication by x to the power of 8n.
"""

from functools import cache, lru_cache
from typing import Final

import google_crc32c
from aiokafka.record.util import calc_crc32c

_POLYNOMIAL: Final = 0x82F63B78
"""CRC-32C's (Castagnoli), lowest power in the highest bit."""
_ONE: Final = 1 << 31
_IN_HARDWARE: Final = google_crc32c.implementation == "c"
"""Where there is no wheel of it (musl), it is Python only: then aiokafka's, which reads tables, is the faster one."""


def crc32c(data: bytes, following: bytes = b"") -> int:
    """Return the CRC-32C of bytes, and of those that follow them."""
    if not _IN_HARDWARE:
        return int(calc_crc32c(data + following))
    return int(google_crc32c.extend(google_crc32c.value(data), following))


def with_beginning(crc: int, old: bytes, new: bytes, following: int) -> int:
    """Return the CRC of bytes whose beginning was `old` and is `new` (as long), with `following` bytes after it."""
    return crc ^ _times(crc32c(old) ^ crc32c(new), _zero_bytes(following))


@lru_cache(maxsize=256)
def _zero_bytes(count: int) -> int:
    """Return x to the power of 8 * count."""
    power = _ONE
    for place, digit in enumerate(count.to_bytes(4, "little")):
        if digit:
            power = _times(_power(place, digit), power)
    return power


@cache
def _power(place: int, digit: int) -> int:
    """Return what as many zero bytes as a digit (base 256) stands for multiply by: a thousand numbers at most."""
    if digit > 1:
        return _times(_power(place, digit // 2), _power(place, digit - digit // 2))
    return _ONE >> 8 if place == 0 else _times(_power(place - 1, 255), _power(place - 1, 1))


def _times(left: int, right: int) -> int:
    """Return the product of two polynomials, modulo CRC-32C's."""
    product = 0
    while left:
        if left & _ONE:
            product ^= right
        left = left << 1 & 0xFFFFFFFF
        right = right >> 1 ^ _POLYNOMIAL if right & 1 else right >> 1
    return product
