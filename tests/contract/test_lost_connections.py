"""What uvloop and aiokafka make of a connection that is lost just before somebody sends over it, and what we do."""

import asyncio

import pytest
import uvloop
from aiokafka import conn
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError

from router.kafka.connection import connection
from router.kafka.lost_connections import Connection


class ARequest:
    """A request of a few bytes, that is also its own header."""

    def prepare(self, _versions):
        return self

    def build_request_header(self, **_fields):
        return self

    def encode(self):
        return b"request"


async def send_over_a_lost_connection(kind):
    accepted = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(lambda _reader, writer: accepted.set_result(writer), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    lost = kind("127.0.0.1", port)
    lost._reader, lost._writer = await asyncio.open_connection("127.0.0.1", port)  # noqa: SLF001
    lost._read_task = asyncio.create_task(asyncio.sleep(60))  # noqa: SLF001
    (await accepted).transport.abort()
    lost._writer.transport.abort()  # noqa: SLF001
    await asyncio.sleep(0.01)
    try:
        lost.send(ARequest())
    finally:
        lost.close()
        server.close()
        await server.wait_closed()


def test_who_sends_is_told_that_the_connection_is_lost():
    async def sending():
        with pytest.raises(KafkaConnectionError, match="lost"):
            await send_over_a_lost_connection(Connection)

    uvloop.run(sending())


def test_aiokafka_itself_is_not_prepared_for_what_uvloop_raises():
    with pytest.raises(RuntimeError, match="closed"):
        uvloop.run(send_over_a_lost_connection(AIOKafkaConnection))


def test_every_client_connects_so():
    connection("127.0.0.1:9092")
    assert conn.AIOKafkaConnection is Connection
    assert "AIOKafkaConnection" in conn.create_conn.__code__.co_names
