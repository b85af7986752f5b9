"""Asking a server whether it is ready."""

import asyncio

import pytest

from router.kafka.embedded.ports import free_port
from router.up.readiness import readiness


async def asked(status: str, body: str):
    """What a server that answers so is taken for."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    async with server:
        return await readiness(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")


async def test_a_server_that_answers_200_is_ready():
    assert (await asked("200 OK", '{"ready": true}')).ready


async def test_one_that_is_not_says_what_it_waits_for():
    state = await asked("503 Service Unavailable", '{"ready": false, "waiting_for": {"kafka": "no answer"}}')

    assert (state.ready, state.waiting_for) == (False, "kafka: no answer")


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"waiting_for": 1}'])
async def test_a_body_that_says_nothing_is_no_error(body):
    assert (await asked("500 Oops", body)).waiting_for == "server: answers 500"


async def test_a_server_that_is_not_there_is_not_ready():
    state = await readiness(f"http://127.0.0.1:{free_port()}")

    assert (state.ready, state.waiting_for) == (False, "server: does not answer yet")


async def test_one_that_speaks_no_http_is_not_ready():
    assert not (await asked("nonsense", "")).ready
