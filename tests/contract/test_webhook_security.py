"""Who endpoints must be, who we are to them, and what a hostile one can do: fail its own attempt."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from router.handlers import Delivered, DeliveryRequest, Failed, Rejected, WebhookHandler
from router.settings import Settings
from tests.builders import BOX, a_subscription, a_webhook, an_event, as_bytes
from tests.certificates import Authority
from tests.receivers import Received, a_hostile, a_receiver
from topics.subscriptions import DeliveryAttribute, OAuthCredentials

TIMEOUT = 1.0
"""Seconds that an endpoint has which does not come to an end."""
PATIENT = 20.0
"""Seconds that one has which answers, however busy the machine is."""
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def settings(**fields: Any) -> Settings:
    given = {
        "webhook_allowed_networks": (ip_network("127.0.0.1/32"),),
        "webhook_allow_http": True,
        "webhook_timeout_seconds": PATIENT,
    }
    return Settings(**(given | fields))


def a_request(url: str, **sink: Any) -> DeliveryRequest:
    webhook = a_webhook(url).model_copy(update=sink)
    return DeliveryRequest(
        delivery_id="1",
        subscription=a_subscription(sink=webhook),
        sink=webhook,
        attempt=1,
        events=(as_bytes(an_event()),),
        schema="EventGridSchema",
        data_version="2",
    )


@pytest.fixture
async def handler() -> AsyncIterator[WebhookHandler]:
    handler = WebhookHandler(settings(), BOX)
    yield handler
    await handler.close()


@pytest.fixture
async def hasty() -> AsyncIterator[WebhookHandler]:
    """Give a handler that waits only as long as a test can."""
    handler = WebhookHandler(settings(webhook_timeout_seconds=TIMEOUT), BOX)
    yield handler
    await handler.close()


@asynccontextmanager
async def tls(files: tuple[Path, Path], *, clients: Path | None = None) -> AsyncIterator[str]:
    """Give the URL of an endpoint with a certificate, which may ask for that of its clients."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    if clients is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(clients)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    finally:
        server.close()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that this process trusts."""
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.file))
    return made


async def test_a_certificate_of_a_trusted_authority_is_accepted(handler, authority):
    async with tls(authority.sign("127.0.0.1")) as url:
        assert isinstance(await handler.deliver(a_request(url)), Delivered)


@pytest.mark.parametrize("wrong", ["another authority", "another name", "expired", "plain http"])
async def test_bad_tls_is_a_failed_attempt(handler, authority, tmp_path, wrong):
    if wrong == "another authority":
        files = Authority(tmp_path, "unknown").sign("127.0.0.1")
    else:
        files = authority.sign(
            "elsewhere.example" if wrong == "another name" else "127.0.0.1", expired=wrong == "expired"
        )
    if wrong == "plain http":
        async with a_receiver() as receiver:
            outcome = await handler.deliver(a_request(receiver.url.replace("http:", "https:")))
            assert receiver.received == []
    else:
        async with tls(files) as url:
            outcome = await handler.deliver(a_request(url))
    assert isinstance(outcome, Failed)
    assert (outcome.status, outcome.last_outcome) == (None, "SocketError")
    assert "TLS" in outcome.detail or "certificate" in outcome.detail


async def test_a_subscription_may_show_a_client_certificate(authority):
    certificate, key = authority.sign("us")
    handler = WebhookHandler(settings(webhook_client_certificates={"us": (certificate, key)}), BOX)
    async with tls(authority.sign("127.0.0.1"), clients=authority.file) as url:
        assert isinstance(await handler.deliver(a_request(url, client_certificate="us")), Delivered)
        assert isinstance(await handler.deliver(a_request(url)), Failed)
        missing = await handler.deliver(a_request(url, client_certificate="them"))
    await handler.close()
    assert isinstance(missing, Failed)
    assert "no client certificate them" in missing.detail


# ---- OAuth


def credentials(url: str) -> OAuthCredentials:
    return OAuthCredentials(token_url=url, client_id="me", sealed_client_secret=BOX.seal("s3cret"), scope="hooks")


async def test_a_token_is_fetched_once_and_sent_with_each_request(handler):
    async with a_receiver(then=_token("t0ken")) as tokens, a_receiver() as receiver:
        asked = a_request(receiver.url, oauth=credentials(tokens.url))
        outcomes = await asyncio.gather(*(handler.deliver(asked) for _ in range(10)))
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    (request,) = tokens.received
    assert request.body == b"grant_type=client_credentials&client_id=me&client_secret=s3cret&scope=hooks"
    assert {one.headers["authorization"] for one in receiver.received} == {"Bearer t0ken"}


async def test_a_token_that_was_withdrawn_is_replaced_once(handler):
    async def only_new(received: Received) -> web.StreamResponse:
        return web.Response(status=200 if received.headers["authorization"] == "Bearer new" else 401)

    async with a_receiver(_token("old"), then=_token("new")) as tokens, a_receiver(then=only_new) as receiver:
        assert isinstance(await handler.deliver(a_request(receiver.url, oauth=credentials(tokens.url))), Delivered)
    async with a_receiver(then=_token("old")) as tokens, a_receiver(then=only_new) as receiver:
        outcome = await handler.deliver(a_request(receiver.url, oauth=credentials(tokens.url)))
        assert isinstance(outcome, Rejected)
        assert len(receiver.received) == 2


async def test_a_token_that_was_renewed_meanwhile_is_kept(handler):
    """Of many deliveries whose token was withdrawn the first gets a new one; the others must not throw it away."""
    renewed = asyncio.Event()
    refused: list[Received] = []

    async def refuse_the_second_late(received: Received) -> web.StreamResponse:
        if received.headers["authorization"] != "Bearer old":
            renewed.set()
            return web.Response()
        refused.append(received)
        if len(refused) > 1:
            await renewed.wait()
        return web.Response(status=401)

    async with (
        a_receiver(_token("old"), _token("new"), then=_token("newer")) as tokens,
        a_receiver(then=refuse_the_second_late) as receiver,
    ):
        asked = a_request(receiver.url, oauth=credentials(tokens.url))
        outcomes = await asyncio.gather(*(handler.deliver(asked) for _ in range(2)))
        assert len(tokens.received) == 2
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)


async def test_an_answer_that_repeats_the_request_is_kept_without_its_secrets(handler):
    async def repeat(received: Received) -> web.StreamResponse:
        return web.json_response({"path": received.path, "headers": received.headers}, status=500)

    async with a_receiver(then=_token("t0ken-of-ours")) as tokens, a_receiver(then=repeat) as receiver:
        attributes = (
            DeliveryAttribute(name="x-pass", kind="Static", sealed_value=BOX.seal("open sesame")),
            DeliveryAttribute(name="x-tenant", kind="Static", value="contoso"),
        )
        request = a_request(
            f"{receiver.url}?key=swordf%69sh", oauth=credentials(tokens.url), delivery_attributes=attributes
        )
        outcome = await handler.deliver(request)
        (received,) = receiver.received
    assert received.headers["x-pass"] == "open sesame"
    assert isinstance(outcome, Failed)
    for secret in ("t0ken-of-ours", "open sesame", "swordf%69sh", "swordfish"):
        assert secret not in outcome.detail
    assert "[redacted]" in outcome.detail
    assert "contoso" in outcome.detail


@pytest.mark.parametrize(
    "answer",
    [500, web.Response(text="no json"), web.Response(text="{}"), web.Response(text='{"access_token": "a\\nb"}')],
)
async def test_without_a_token_the_attempt_has_failed_and_nothing_is_sent(handler, answer):
    async with a_receiver(then=answer) as tokens, a_receiver() as receiver:
        outcome = await handler.deliver(a_request(receiver.url, oauth=credentials(tokens.url)))
        assert receiver.received == []
    assert isinstance(outcome, Failed)
    assert outcome.detail.startswith("no access token")
    assert "s3cret" not in outcome.detail


async def test_no_token_is_asked_for_where_nothing_may_go(handler):
    async with a_receiver(host="127.0.0.2") as tokens, a_receiver() as receiver:
        outcome = await handler.deliver(a_request(receiver.url, oauth=credentials(tokens.url)))
        assert (tokens.received, receiver.received) == ([], [])
    assert isinstance(outcome, Failed)


def _token(value: str) -> Any:
    async def answer(_received: Received) -> web.StreamResponse:
        return web.json_response({"access_token": value, "token_type": "Bearer", "expires_in": 3600})

    return answer


# ---- hostile endpoints


async def a_hundred_megabytes(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 104857600\r\n\r\n")
    for _ in range(1600):
        writer.write(b"x" * 65536)
        await writer.drain()


async def many_interim_answers(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(0.01)


async def an_upgrade(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
    await writer.drain()


@pytest.mark.parametrize(
    ("misbehave", "last_outcomes"),
    [
        (a_hundred_megabytes, {"GenericError"}),
        (many_interim_answers, {"TimedOut", "GenericError"}),
        (an_upgrade, {"GenericError", "SocketError"}),
    ],
)
async def test_a_hostile_answer_is_a_failed_attempt(handler, hasty, misbehave, last_outcomes):
    waiting = hasty if "TimedOut" in last_outcomes else handler
    async with a_hostile(misbehave) as url:
        outcome = await waiting.deliver(a_request(url))
    assert isinstance(outcome, Failed)
    assert outcome.last_outcome in last_outcomes


async def test_an_answer_without_a_length_ends_with_its_connection(handler):
    async def until_closed(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\nthat was all")
        await writer.drain()

    async with a_hostile(until_closed) as url:
        outcome = await handler.deliver(a_request(url))
    assert isinstance(outcome, Delivered)
    assert outcome.detail == "that was all"


async def test_an_answer_that_comes_unasked_is_not_taken_for_that_of_the_next_request(handler):
    async def two_answers(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.read(1)

    async with a_hostile(two_answers) as url:
        for _ in range(3):
            assert isinstance(await handler.deliver(a_request(url)), Delivered)


async def test_a_connection_that_was_closed_while_idle_is_replaced(handler):
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        await reader.readuntil(b"\r\n\r\n")

    async with a_hostile(once) as url:
        for _ in range(3):
            assert isinstance(await handler.deliver(a_request(url)), Delivered)
