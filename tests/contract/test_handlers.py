"""What every handler owes: an outcome for whatever the endpoint does, in time, and nothing sent where it may not go.

Run on the webhook handler over real sockets; the next handler joins by its own fixture parameter.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web

from router.handlers import Delivered, DeliveryRequest, Failed, Rejected, WebhookHandler
from router.settings import Settings
from tests.builders import BOX, NOON, a_cloud_event, a_subscription, a_webhook, an_event, as_bytes
from tests.receivers import a_hostile, a_receiver

TIMEOUT = 0.5
"""Seconds that an endpoint has which does not answer."""
PATIENT = 20.0
"""Seconds that one has which answers, however busy the machine is."""


def settings(**fields: Any) -> Settings:
    given = {
        "webhook_allowed_networks": (ip_network("127.0.0.1/32"),),
        "webhook_allow_http": True,
        "webhook_timeout_seconds": PATIENT,
    }
    return Settings(**(given | fields))


def a_request(url: str, **fields: Any) -> DeliveryRequest:
    sink = fields.pop("sink", None) or a_webhook(url)
    given = {
        "delivery_id": "1d-7",
        "subscription": a_subscription("Alerts-1", sink=sink, **fields.pop("of", {})),
        "sink": sink,
        "attempt": 1,
        "events": (as_bytes(an_event()),),
        "schema": "EventGridSchema",
        "data_version": "2",
    }
    return DeliveryRequest(**(given | fields))


@pytest.fixture
async def handler() -> AsyncIterator[WebhookHandler]:
    handler = WebhookHandler(settings(), BOX, now=lambda: NOON)
    yield handler
    await handler.close()


@pytest.fixture
async def hasty() -> AsyncIterator[WebhookHandler]:
    """Give a handler that waits only as long as a test can."""
    handler = WebhookHandler(settings(webhook_timeout_seconds=TIMEOUT), BOX, now=lambda: NOON)
    yield handler
    await handler.close()


async def test_an_event_grid_event_is_posted_as_an_array_of_one(handler):
    async with a_receiver() as receiver:
        outcome = await handler.deliver(a_request(receiver.url + "?code=a%2Fb%3D%3D"))
    (request,) = receiver.received
    assert isinstance(outcome, Delivered)
    assert outcome.status == 200
    assert outcome.duration_ms > 0
    assert (request.method, request.path) == ("POST", "/hook?code=a%2Fb%3D%3D")
    assert request.body == b"[" + as_bytes(an_event()) + b"]"
    expected = {
        "content-type": "application/json; charset=utf-8",
        "aeg-event-type": "Notification",
        "aeg-subscription-name": "ALERTS-1",
        "aeg-delivery-count": "0",
        "aeg-data-version": "2",
        "aeg-metadata-version": "1",
        "webhook-id": "1d-7",
        "webhook-timestamp": "1760961600",
    }
    assert expected.items() <= request.headers.items()
    assert "origin" not in request.headers
    assert "accept-encoding" not in request.headers
    assert "cookie" not in request.headers


async def test_a_cloud_event_is_posted_as_one_object(handler):
    event = as_bytes(a_cloud_event())
    async with a_receiver() as receiver:
        await handler.deliver(a_request(receiver.url, events=(event,), schema="CloudEventSchemaV1_0", attempt=3))
    (request,) = receiver.received
    assert request.body == event
    expected = {
        "content-type": "application/cloudevents+json; charset=utf-8",
        "origin": "eventgrid.azure.net",
        "aeg-delivery-count": "2",
    }
    assert expected.items() <= request.headers.items()
    assert "aeg-data-version" not in request.headers


@pytest.mark.parametrize(
    "version", ["2\r\nX-Injected: 1", "zwei ½", "\x00", "\ud800x".encode("utf-8", "replace").decode()]
)
async def test_no_text_of_a_publisher_breaks_out_of_its_header(handler, version):
    async with a_receiver() as receiver:
        assert isinstance(await handler.deliver(a_request(receiver.url, data_version=version)), Delivered)
    (request,) = receiver.received
    assert "x-injected" not in request.headers
    assert request.headers["aeg-data-version"].isascii()


@pytest.mark.parametrize("status", [200, 201, 202, 203, 204])
async def test_success_is_delivered(handler, status):
    async with a_receiver(status) as receiver:
        outcome = await handler.deliver(a_request(receiver.url))
    assert isinstance(outcome, Delivered)
    assert outcome.status == status


@pytest.mark.parametrize("status", [400, 401, 403, 413])
async def test_a_refusal_for_good_is_rejected(handler, status):
    async with a_receiver(status) as receiver:
        outcome = await handler.deliver(a_request(receiver.url))
    assert isinstance(outcome, Rejected)
    assert outcome.status == status


@pytest.mark.parametrize(
    ("status", "last_outcome"),
    [(404, "NotFound"), (408, "TimedOut"), (429, "Busy"), (500, "GenericError"), (503, "Busy")],
)
async def test_any_other_answer_has_failed(handler, status, last_outcome):
    async with a_receiver(web.Response(status=status, text="not\nnow")) as receiver:
        outcome = await handler.deliver(a_request(receiver.url))
    assert isinstance(outcome, Failed)
    assert (outcome.status, outcome.last_outcome, outcome.detail) == (status, last_outcome, "not now")


async def test_what_the_endpoint_asks_for_is_passed_on(handler):
    async with a_receiver(web.Response(status=429, headers={"Retry-After": "45"})) as receiver:
        outcome = await handler.deliver(a_request(receiver.url))
    assert isinstance(outcome, Failed)
    assert outcome.retry_after == timedelta(seconds=45)


async def test_a_redirect_is_not_followed(handler):
    async with a_receiver() as other, a_receiver(web.Response(status=307, headers={"Location": other.url})) as receiver:
        outcome = await handler.deliver(a_request(receiver.url))
        assert other.received == []
    assert isinstance(outcome, Failed)
    assert (outcome.status, outcome.last_outcome) == (307, "GenericError")


async def test_connections_are_kept_alive(handler):
    ports = set()

    async def remember(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ports.add(writer.get_extra_info("peername")[1])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"POST")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        await writer.drain()

    async with a_hostile(remember) as url:
        for _ in range(2):
            assert isinstance(await handler.deliver(a_request(url)), Delivered)
    assert len(ports) == 1


async def test_cookies_are_not_kept(handler):
    async with a_receiver(then=web.Response(headers={"Set-Cookie": "a=b; Path=/"})) as receiver:
        await handler.deliver(a_request(receiver.url))
        receiver.then = 200
        await handler.deliver(a_request(receiver.url))
    assert "cookie" not in receiver.received[1].headers


# ---- endpoints that misbehave


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await reader.read(1)


async def slow_headers(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-More: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def slow_body(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"1\r\nx\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def endless_body(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"2000\r\n" + b"x" * 0x2000 + b"\r\n")
        await writer.drain()


async def endless_headers(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while True:
        writer.write(b"x" * 0x2000)
        await writer.drain()


async def half_closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
    writer.write_eof()
    await reader.read(1)


async def broken_chunks(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nnot a chunk\r\n")
    await writer.drain()


async def garbage(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\x01\xff this is no HTTP\r\n\r\n")
    await writer.drain()


async def closed(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    return


async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def a_zip_bomb(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 500 No\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08")
    await writer.drain()


@pytest.mark.parametrize(
    ("misbehave", "last_outcome"),
    [
        pytest.param(silence, "TimedOut", id="silence"),
        pytest.param(slow_headers, "TimedOut", id="slow headers"),
        pytest.param(slow_body, "TimedOut", id="a slow body"),
        pytest.param(endless_body, "GenericError", id="an endless body"),
        pytest.param(endless_headers, "GenericError", id="endless headers"),
        pytest.param(half_closed, "SocketError", id="half an answer"),
        pytest.param(broken_chunks, "GenericError", id="broken chunks"),
        pytest.param(garbage, "GenericError", id="garbage"),
        pytest.param(closed, "SocketError", id="closed at once"),
        pytest.param(reset, "SocketError", id="reset"),
        pytest.param(a_zip_bomb, "GenericError", id="a body that is not unpacked"),
    ],
)
async def test_an_endpoint_that_misbehaves_has_failed_in_time(handler, hasty, misbehave, last_outcome):
    waiting = hasty if last_outcome == "TimedOut" else handler
    async with a_hostile(misbehave) as url, asyncio.timeout(PATIENT):
        outcome = await waiting.deliver(a_request(url))
    assert isinstance(outcome, Failed)
    assert outcome.last_outcome == last_outcome
    assert len(outcome.detail) <= 1024


async def test_the_next_delivery_is_not_harmed_by_one_that_failed(handler):
    async with a_hostile(endless_body) as url:
        await handler.deliver(a_request(url))
    async with a_receiver() as receiver:
        assert isinstance(await handler.deliver(a_request(receiver.url)), Delivered)


async def test_a_port_where_nobody_listens_is_a_socket_error(handler):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        outcome = await handler.deliver(a_request(f"http://127.0.0.1:{taken.getsockname()[1]}/hook"))
    assert isinstance(outcome, Failed)
    assert (outcome.status, outcome.last_outcome) == (None, "SocketError")


async def test_a_name_without_an_address_is_a_resolution_error(hasty):
    outcome = await hasty.deliver(a_request("http://nowhere.invalid/hook"))
    assert isinstance(outcome, Failed)
    assert outcome.last_outcome in ("ResolutionError", "TimedOut")


async def test_a_url_sealed_with_another_key_has_failed(handler):
    sink = a_webhook().model_copy(update={"sealed_endpoint_url": "gAAAA"})
    outcome = await handler.deliver(a_request("http://127.0.0.1/", sink=sink))
    assert isinstance(outcome, Failed)
    assert "another key" in outcome.detail


# ---- where nothing may go


async def test_an_address_that_is_not_allowed_is_not_connected_to(handler):
    async with a_receiver(host="127.0.0.2") as receiver:
        outcome = await handler.deliver(a_request(receiver.url))
        assert receiver.received == []
    assert isinstance(outcome, Failed)
    assert (outcome.status, outcome.last_outcome) == (None, "Forbidden")


@pytest.mark.parametrize("host", ["localhost", "2130706433", "127.1", "[::ffff:127.0.0.1]", "user@127.0.0.1"])
async def test_other_names_of_a_refused_address_do_not_help(host):
    strict = WebhookHandler(settings(webhook_allowed_networks=()), BOX)
    async with a_receiver() as receiver:
        port = receiver.url.rsplit(":", 1)[1].partition("/")[0]
        outcome = await strict.deliver(a_request(f"http://{host}:{port}/hook"))
        assert receiver.received == []
    await strict.close()
    assert isinstance(outcome, Failed)
    assert outcome.last_outcome == "Forbidden"


async def test_plain_http_is_refused_unless_it_is_allowed():
    strict = WebhookHandler(settings(webhook_allow_http=False), BOX)
    async with a_receiver() as receiver:
        outcome = await strict.deliver(a_request(receiver.url))
        assert receiver.received == []
    await strict.close()
    assert isinstance(outcome, Failed)
    assert outcome.last_outcome == "Forbidden"


async def test_a_name_that_changes_its_address_between_check_and_use_is_refused(monkeypatch):
    """The guard is the last thing before `connect`: here the resolver's own check is blind."""
    monkeypatch.setattr("router.handlers.resolver.GuardedResolver.resolve", _lying_resolve)
    handler = WebhookHandler(settings(), BOX)
    async with a_receiver(host="127.0.0.2") as receiver:
        port = receiver.url.rsplit(":", 1)[1].partition("/")[0]
        outcome = await handler.deliver(a_request(f"http://rebound.example:{port}/hook"))
        assert receiver.received == []
    await handler.close()
    assert isinstance(outcome, Failed)
    assert outcome.last_outcome == "Forbidden"


async def _lying_resolve(_self: Any, _host: str) -> list[str]:
    return ["127.0.0.2"]


async def test_many_deliveries_run_beside_one_another(handler):
    async with a_receiver() as receiver:
        events = [as_bytes(an_event(id=str(number))) for number in range(100)]
        outcomes = await asyncio.gather(
            *(handler.deliver(a_request(receiver.url, events=(event,))) for event in events)
        )
    assert all(isinstance(outcome, Delivered) for outcome in outcomes)
    assert {json.loads(r.body)[0]["id"] for r in receiver.received} == {str(number) for number in range(100)}
