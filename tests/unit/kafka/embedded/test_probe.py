"""Asking whether a broker serves, against what is no broker."""

import asyncio
import struct

import pytest

from router.kafka.embedded.ports import free_port
from router.kafka.embedded.probe import CORRELATION, is_serving


async def asked(answer: bytes) -> bool:
    """What the question yields when a listener sends `answer` and hangs up."""

    async def reply(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    async with server:
        return await is_serving("127.0.0.1", server.sockets[0].getsockname()[1])


def framed(*numbers: int) -> bytes:
    return struct.pack(">i", 4 * len(numbers)) + struct.pack(f">{len(numbers)}i", *numbers)


async def test_a_broker_that_counts_itself_among_the_live_ones_serves():
    assert await asked(framed(CORRELATION, 0, 1))


@pytest.mark.parametrize(
    "answer",
    [
        framed(CORRELATION, 0, 0),
        framed(CORRELATION + 1, 0, 1),
        framed(CORRELATION),
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
    ],
    ids=["no live broker", "another answer", "too short", "nothing", "another protocol"],
)
async def test_anything_else_does_not(answer):
    assert not await asked(answer)


async def test_a_port_that_nobody_listens_on_does_not():
    assert not await is_serving("127.0.0.1", free_port())
