"""Asks a broker whether it serves, in the Kafka protocol itself: an open port alone says too little."""

import asyncio
import struct
from contextlib import suppress
from typing import Final

METADATA: Final = 3
VERSION: Final = 5
CORRELATION: Final = 7
# api key, version, correlation id, no client id, no topics, no topic creation
_REQUEST: Final = struct.pack(">hhihib", METADATA, VERSION, CORRELATION, -1, 0, 0)


async def is_serving(host: str, port: int, *, timeout_seconds: float = 2.0) -> bool:
    """Return whether a Kafka broker answers there and counts itself among the live ones."""
    try:
        async with asyncio.timeout(timeout_seconds):
            return _live_brokers(await _ask(host, port)) > 0
    except (OSError, TimeoutError, asyncio.IncompleteReadError, struct.error):
        return False


async def _ask(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(struct.pack(">i", len(_REQUEST)) + _REQUEST)
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        return await reader.readexactly(size)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def _live_brokers(answer: bytes) -> int:
    """Read correlation id, throttle time and the number of brokers."""
    correlation, _, brokers = struct.unpack_from(">iii", answer)
    return brokers if correlation == CORRELATION else 0
