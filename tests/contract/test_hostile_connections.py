"""What endpoints do below HTTP, and names that lead astray: it costs its own attempt, within bounds, and no other's."""

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from ipaddress import ip_network
from typing import Any

import pytest

from router.handlers import Delivered, EndpointPolicy, Failed, WebhookHandler, resolve_and_check
from router.settings import Settings
from tests.builders import BOX, NOON
from tests.contract.test_handlers import PATIENT, a_request
from tests.receivers import Misbehave, a_hostile, a_receiver

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
async def handler() -> AsyncIterator[WebhookHandler]:
    made = a_handler(PATIENT)
    yield made
    await made.close()


def a_handler(seconds: float) -> WebhookHandler:
    settings = Settings(
        webhook_allowed_networks=(ip_network("127.0.0.0/8"),), webhook_allow_http=True, webhook_timeout_seconds=seconds
    )
    return WebhookHandler(settings, BOX, now=lambda: NOON)


def answering(answer: bytes) -> Misbehave:
    async def answer_and_wait(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await writer.drain()
        await reader.read(1)

    return answer_and_wait


def pouring(beginning: bytes, rest: bytes) -> Misbehave:
    async def pour(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(beginning)
        while True:
            writer.write(rest)
            await writer.drain()

    return pour


@pytest.mark.parametrize(
    "ending", [b"0\r\nX-Trailer: ", b"2;extension=", b"1\r\nx\r\n0\r\n"], ids=["trailer", "extension", "trailers"]
)
async def test_what_has_no_end_behind_the_head_is_not_read_on(handler, ending):
    """No more than a little is taken: with the attempt's 20 s that would be gigabytes, gathered by the parser."""
    rest = b"X: y\r\n" * 10_000 if ending.endswith(b"0\r\n") else b"x" * 65536
    async with a_hostile(pouring(OK + b"Transfer-Encoding: chunked\r\n\r\n" + ending, rest)) as url:
        outcome = await handler.deliver(a_request(url))
    assert isinstance(outcome, Failed)
    assert outcome.last_outcome == "GenericError"


async def test_a_body_in_chunks_of_one_byte_is_read(handler):
    body = b"1\r\nx\r\n" * 60_000 + b"0\r\n\r\n"
    async with a_hostile(answering(OK + b"Transfer-Encoding: chunked\r\n\r\n" + body)) as url:
        assert isinstance(await handler.deliver(a_request(url)), Delivered)


async def test_half_an_answer_that_nobody_asked_for_does_not_spoil_the_next_one(handler):
    """Connections are shared by all subscriptions of an origin, so the next may be somebody else's."""

    async def half_a_second_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK + b"Content-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Le")
        await writer.drain()
        if await reader.read(1):
            writer.write(b"ngth: 0\r\n\r\n")
            await writer.drain()

    async with a_hostile(half_a_second_answer) as url:
        for _ in range(3):
            assert isinstance(await handler.deliver(a_request(url)), Delivered)


async def test_headers_of_an_answer_that_nobody_asked_for_are_not_taken_for_the_first_ones(handler):
    second = b"HTTP/1.1 200 OK\r\nRetry-After: 500\r\nContent-Length: 0\r\n\r\n"
    async with a_hostile(answering(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n" + second)) as url:
        outcome = await handler.deliver(a_request(url))
    assert isinstance(outcome, Failed)
    assert (outcome.status, outcome.retry_after) == (503, None)


@pytest.mark.parametrize(
    "asked",
    [b"Sun, 06 Nov 99999999999999999999 08:49:37 GMT", b"1 Jan 2030 1:1:1 +9999999999999999999999", b"\xff\xfe", b""],
)
async def test_a_wait_that_no_clock_knows_does_not_hide_the_status(handler, asked):
    async with a_hostile(answering(b"HTTP/1.1 503 No\r\nRetry-After: %b\r\nContent-Length: 0\r\n\r\n" % asked)) as url:
        outcome = await handler.deliver(a_request(url))
    assert isinstance(outcome, Failed)
    assert (outcome.status, outcome.last_outcome, outcome.retry_after) == (503, "Busy", None)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 103 Early\r\nRetry-After: 9\r\n\r\nHTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.0 503 No\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503 \xff\xc3\x28\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 503\r\nUpgrade: h2,h2c\r\nConnection: Upgrade, Keep-Alive\r\nContent-Length: 0\r\n\r\n",
    ],
    ids=["an interim one", "HTTP/1.0", "no UTF-8", "an offer of HTTP/2"],
)
async def test_unusual_answers_are_read(handler, answer):
    async with a_hostile(answering(answer)) as url:
        outcome = await handler.deliver(a_request(url))
    assert isinstance(outcome, Failed)
    assert (outcome.status, outcome.retry_after) == (503, None)


# ---- names and addresses


@contextmanager
def a_deaf_port(host: str, port: int) -> Iterator[None]:
    """Let connections to a port hang, as they do where a network swallows what is sent to it."""
    waiting = [socket.socket() for _ in range(4)]
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        deaf.bind((host, port))
        deaf.listen(0)
        for one in waiting:
            one.settimeout(0)
            with suppress(BlockingIOError):
                one.connect((host, port))
        try:
            yield
        finally:
            for one in waiting:
                one.close()


async def test_an_address_that_swallows_everything_leaves_time_for_the_next_one(monkeypatch):
    async def two_addresses(_self: Any, _host: str) -> list[str]:
        return ["127.0.0.3", "127.0.0.1"]

    monkeypatch.setattr("router.handlers.resolver.GuardedResolver.resolve", two_addresses)
    handler = a_handler(6.0)
    async with a_receiver() as receiver:
        port = int(receiver.url.rsplit(":", 1)[1].partition("/")[0])
        with a_deaf_port("127.0.0.3", port):
            outcome = await handler.deliver(a_request(f"http://two.example:{port}/hook"))
    await handler.close()
    assert isinstance(outcome, Delivered)


async def test_a_name_that_leads_elsewhere_is_followed_though_there_is_traffic(handler, monkeypatch):
    leads_to = ["127.0.0.1"]

    async def resolve(_self: Any, _host: str) -> list[str]:
        return leads_to

    monkeypatch.setattr("router.handlers.resolver.GuardedResolver.resolve", resolve)
    monkeypatch.setattr("router.handlers.http_client.DNS_CACHE_SECONDS", 0.0)
    async with a_receiver() as old:
        port = int(old.url.rsplit(":", 1)[1].partition("/")[0])
        asked = a_request(f"http://moving.example:{port}/hook")
        for _ in range(2):
            assert isinstance(await handler.deliver(asked), Delivered)
        leads_to[:] = ["127.0.0.9"]
        # Nobody listens there; what is kept alive is used, until it is too old.
        assert isinstance(await handler.deliver(asked), Delivered)
        monkeypatch.setattr("router.handlers.http_client.CONNECTION_SECONDS", 0.0)
        assert isinstance(await handler.deliver(asked), Delivered)
        assert isinstance(await handler.deliver(asked), Failed)


async def test_a_name_server_that_hangs_is_asked_once_at_a_time(handler, monkeypatch):
    """Each lookup holds one of a few threads, which other endpoints need too."""
    asked, answer = [], threading.Event()

    def hang(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        answer.wait(PATIENT)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr("router.handlers.http_client.DNS_CACHE_SECONDS", 0.0)
    try:
        async with a_receiver() as receiver:
            port = receiver.url.rsplit(":", 1)[1]
            deliveries = []
            for _ in range(4):
                request = a_request(f"http://slow.example:{port}")
                deliveries.append(asyncio.create_task(handler.deliver(request)))
                await asyncio.sleep(0.02)
            answer.set()
            outcomes = await asyncio.gather(*deliveries)
    finally:
        answer.set()
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert asked == ["slow.example"]


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example"])
async def test_a_host_that_can_be_no_name_is_one_that_cannot_be_resolved(handler, host):
    await resolve_and_check(f"https://{host}/hook", EndpointPolicy())
    outcome = await handler.deliver(a_request(f"http://{host}/hook"))
    assert isinstance(outcome, Failed)
    assert outcome.last_outcome == "ResolutionError"
