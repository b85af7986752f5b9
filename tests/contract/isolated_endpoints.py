"""Hostile endpoints, met where nothing can escape: only run by test_hostile_endpoints.py, where loopback is all there is.

127.0.0.1 is the address that is allowed, 127.0.0.2 and ::1 stand for all that are not: somebody listens there, and
counts. Each attempt must end as a clear failure, in time, and leave nothing behind.
"""

import asyncio
import os
import resource
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from router.errors import RefusedError
from router.handlers import (
    Delivered,
    DeliveryRequest,
    EndpointPolicy,
    Failed,
    Handshake,
    HttpClient,
    Refused,
    WebhookHandler,
    resolve_and_check,
    validate_endpoint,
)
from router.settings import Settings
from tests.builders import BOX, NOON, WORKSPACE, a_subscription, a_webhook, an_event, as_bytes
from tests.certificates import Authority
from tests.receivers import Misbehave, a_hostile, a_receiver
from tests.waiting import until

TIMEOUT = 4.0
"""Seconds; what answers has to have answered within them, also on a busy machine."""
SETTINGS = Settings(
    webhook_allowed_networks=(ip_network("127.0.0.1/32"),), webhook_allow_http=True, webhook_timeout_seconds=TIMEOUT
)
POLICY = EndpointPolicy.from_settings(SETTINGS)


class Trap:
    """Listens where nothing may go, on one port of several addresses; `touched` counts connections."""

    def __init__(self) -> None:
        self.touched = 0
        self.port = 0

    async def touch(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.touched += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()


@pytest.fixture(autouse=True)
def _only_loopback() -> None:
    assert [name for _number, name in socket.if_nameindex()] == ["lo"], "this may escape: run test_hostile_endpoints.py"


@pytest.fixture(autouse=True)
async def _nothing_is_left_behind() -> AsyncIterator[None]:
    before = open_files()
    yield
    await until(lambda: open_files() <= before)


@pytest.fixture
async def trap() -> AsyncIterator[Trap]:
    made = Trap()
    first = await asyncio.start_server(made.touch, "127.0.0.2", 0)
    made.port = first.sockets[0].getsockname()[1]
    second = await asyncio.start_server(made.touch, "::1", made.port)
    yield made
    first.close()
    second.close()
    assert made.touched == 0


@pytest.fixture
async def handler() -> AsyncIterator[WebhookHandler]:
    made = WebhookHandler(SETTINGS, BOX)
    yield made
    # One that was met badly harms nobody else.
    async with a_receiver() as receiver:
        assert isinstance(await made.deliver(a_request(receiver.url)), Delivered)
    await made.close()


def a_request(url: str) -> DeliveryRequest:
    sink = a_webhook(url)
    return DeliveryRequest(
        delivery_id="1",
        subscription=a_subscription(f"s-{uuid4().hex[:8]}", sink=sink),
        sink=sink,
        attempt=1,
        events=(as_bytes(an_event()),),
        schema="EventGridSchema",
        data_version="2",
    )


def open_files() -> int:
    return sum(1 for _one in Path("/proc/self/fd").iterdir())


async def failed(handler: WebhookHandler, url: str, within: float = 4 * TIMEOUT) -> Failed:
    """Make an attempt that has to fail in time, saying why."""
    async with asyncio.timeout(within):
        outcome = await handler.deliver(a_request(url))
    assert isinstance(outcome, Failed)
    assert outcome.detail
    return outcome


# ---- where nothing may go

SPELLINGS = [
    *("127.0.0.2", "2130706434", "0x7f000002", "0x7f.0.0.2", "0177.0.0.2", "127.2", "[::1]", "[::ffff:127.0.0.2]"),
    *("[::ffff:7f00:2]", "[0:0:0:0:0:ffff:127.0.0.2]", "[64:ff9b::7f00:2]", "[2002:7f00:2::]", "[::127.0.0.2]"),
    *("0.0.0.0", "[::]", "127.0.0.1@127.0.0.2", "127.0.0.1%2f@127.0.0.2", "127.0.0.2.", "①②⑦.⓪.⓪.②"),  # noqa: S104 (to connect to)
    *("169.254.169.254", "10.0.0.1", "192.168.0.1", "100.64.0.1", "[fd00::1]", "[fe80::1%25lo]", "224.0.0.1"),
]


@pytest.mark.parametrize("host", SPELLINGS)
async def test_no_spelling_of_a_refused_address_leads_there(handler, trap, host):
    url = f"http://{host}:{trap.port}/hook"
    outcome = await failed(handler, url)
    assert (outcome.status, outcome.last_outcome) == (None, "Forbidden")
    for check in (resolve_and_check(url, POLICY), ask(url)):
        with pytest.raises(RefusedError):
            await check


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize(
    "target", ["http://127.0.0.2:{port}/", "//127.0.0.2:{port}/", "http://[::1]:{port}/", "file:///etc/passwd"]
)
async def test_a_redirect_to_a_refused_address_is_not_followed(handler, trap, status, target):
    location = target.format(port=trap.port).encode()

    async def redirect(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 %d Go\r\nLocation: %b\r\nContent-Length: 2\r\n\r\nno" % (status, location))
        await writer.drain()

    async with a_hostile(redirect) as url:
        outcome = await failed(handler, url)
        assert isinstance(await ask(url), Refused)
    assert (outcome.status, outcome.last_outcome) == (status, "GenericError")


class FlippingNames:
    """A name server's answers, one after the other; the last one stays."""

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, _host: str, port: int | None, **_wanted: Any) -> list[Any]:
        self.asked += 1
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        kinds = [(socket.AF_INET6 if ":" in one else socket.AF_INET, one) for one in found]
        return [(kind, socket.SOCK_STREAM, 6, "", (one, port or 0)) for kind, one in kinds]


@pytest.mark.parametrize(
    "flipped",
    [["127.0.0.2"], ["::1"], ["::ffff:127.0.0.2"], ["127.0.0.1", "127.0.0.2"], ["169.254.169.254"], ["fe80::1%lo"]],
)
async def test_a_name_that_flips_after_its_check_leads_nowhere(handler, trap, monkeypatch, flipped):
    monkeypatch.setattr("router.handlers.http_client.DNS_CACHE_SECONDS", 0.0)
    names = FlippingNames(["127.0.0.1"], ["127.0.0.1"], flipped)
    async with a_receiver() as receiver:
        url = receiver.url.replace("127.0.0.1", "rebound.example")
        with monkeypatch.context() as patched:
            patched.setattr("socket.getaddrinfo", names)
            await resolve_and_check(url, POLICY)
            assert isinstance(await handler.deliver(a_request(url)), Delivered)
            elsewhere = f"http://rebound.example:{trap.port}/hook"
            outcome = await failed(handler, elsewhere)
            assert isinstance(await ask(elsewhere), Refused)
            assert len(receiver.received) == 1
    assert (outcome.status, outcome.last_outcome) == (None, "Forbidden")
    assert names.asked >= 3


async def ask(url: str) -> Any:
    """Make the handshake with an endpoint."""
    client = HttpClient(POLICY)
    handshake = Handshake(url, "s", WORKSPACE, "EventGridSchema", "http://127.0.0.1/validate", "code")
    try:
        return await validate_endpoint(client, handshake, policy=POLICY, now=NOON, timeout_seconds=TIMEOUT)
    finally:
        await client.close()


# ---- answers that never end, or end too early

OK = b"HTTP/1.1 200 OK\r\n"


def trickling(head: bytes, drop: bytes) -> Misbehave:
    async def trickle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(drop)
            await writer.drain()
            await asyncio.sleep(0.02)

    return trickle


def flooding(head: bytes, wave: bytes, waves: int | None = None) -> Misbehave:
    async def flood(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        sent = 0
        while waves is None or sent < waves:
            writer.write(wave)
            await writer.drain()
            sent += 1

    return flood


def half_closing(what: bytes) -> Misbehave:
    async def half_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(what)
        writer.write_eof()
        await reader.read(1)

    return half_close


MEGABYTE = b"x" * (1 << 20)
HOSTILE = {
    "slow-loris: a status line by the byte": (trickling(b"H", b""), "TimedOut"),
    "slow-loris: headers without end": (trickling(OK, b"X: 1\r\n"), "TimedOut"),
    "slow-loris: a header by the byte": (trickling(OK + b"X: ", b"x"), "TimedOut"),
    "slow-loris: a body by the byte": (trickling(OK + b"Content-Length: 100000\r\n\r\n", b"x"), "TimedOut"),
    "slow-loris: chunks by the byte": (trickling(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), "TimedOut"),
    "slow-loris: interim answers": (trickling(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), "TimedOut"),
    "endless headers": (flooding(OK + b"X: ", MEGABYTE), "GenericError"),
    "endless chunks": (flooding(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"100000\r\n" + MEGABYTE + b"\r\n"), "GenericError"),
    "an endless body without a length": (flooding(OK + b"\r\n", MEGABYTE), "GenericError"),
    "a chunk extension without end": (flooding(OK + b"Transfer-Encoding: chunked\r\n\r\n1;", MEGABYTE), None),
    "100 MB": (flooding(OK + b"Content-Length: 104857600\r\n\r\n", MEGABYTE, 100), "GenericError"),
    "half closed before an answer": (half_closing(b""), "SocketError"),
    "half closed in a header": (half_closing(OK + b"X: "), "SocketError"),
    "half closed in the body": (half_closing(OK + b"Content-Length: 9\r\n\r\nhalf"), "SocketError"),
    "half closed in a chunk": (half_closing(OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nhalf"), "SocketError"),
    "two lengths": (half_closing(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab"), None),
    "a length below zero": (half_closing(OK + b"Content-Length: -1\r\n\r\nab"), None),
    "an upgrade": (half_closing(b"HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n\x00"), None),
    "HTTP/2": (half_closing(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" + b"\x00" * 18), "GenericError"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_answer_ends_as_a_clear_failure_and_takes_no_memory(handler, name):
    misbehave, last_outcome = HOSTILE[name]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with a_hostile(misbehave) as url:
        outcome = await failed(handler, url)
    assert last_outcome is None or outcome.last_outcome == last_outcome
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024


async def test_a_connection_that_is_never_accepted_ends_in_time(handler):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        port = deaf.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.settimeout(0)
            one.connect_ex(("127.0.0.1", port))
        outcome = await failed(handler, f"http://127.0.0.1:{port}/hook")
        for one in waiting:
            one.close()
    assert (outcome.status, outcome.last_outcome) == (None, "TimedOut")


# ---- bad TLS


@asynccontextmanager
async def a_raw_port(serve: Callable[..., Any], **options: Any) -> AsyncIterator[str]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, **options)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()


async def silence(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.read(1 << 16):
        pass
    writer.close()


async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"\x16\x03\x01\xff\xff" + os.urandom(64))
    writer.close()


async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    writer.close()


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    for byte in b"\x16\x03\x03\x40\x00" + bytes(2000):
        if writer.is_closing() or reader.at_eof():
            break
        writer.write(bytes([byte]))
        await asyncio.sleep(0.02)
    writer.close()


@pytest.mark.parametrize(
    ("serve", "last_outcomes"),
    [
        (silence, {"TimedOut"}),
        (garbage, {"SocketError"}),
        (plain, {"SocketError"}),
        (drip, {"TimedOut", "SocketError"}),
    ],
)
async def test_what_speaks_no_tls_where_it_should_is_a_clear_failure(handler, serve, last_outcomes):
    async with a_raw_port(serve) as url:
        outcome = await failed(handler, url)
    assert (outcome.status, outcome.last_outcome in last_outcomes) == (None, True)


@pytest.mark.parametrize("wrong", ["unknown authority", "another name", "expired"])
async def test_a_bad_certificate_is_a_clear_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str):
    trusted = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted.file))
    signer = Authority(tmp_path, "unknown") if wrong == "unknown authority" else trusted
    name = "elsewhere.example" if wrong == "another name" else "127.0.0.1"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*signer.sign(name, expired=wrong == "expired"))
    handler = WebhookHandler(SETTINGS, BOX)
    async with a_raw_port(silence, ssl=context) as url:
        outcome = await failed(handler, url)
    await handler.close()
    assert (outcome.status, outcome.last_outcome) == (None, "SocketError")
    assert "certificate" in outcome.detail
