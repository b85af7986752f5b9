"""What every handler owes, whatever its kind of sink: an outcome in time, nothing sent where nothing may go.

A handler joins by its line in `router.handlers.registry.BUILDERS` and one in `SINKS`, which points a sink at a URL here.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from ipaddress import ip_network
from typing import Any

import pytest

from router.handlers import Delivered, DeliveryRequest, Failed, Handlers, Rejected
from router.handlers.registry import BUILDERS
from router.settings import Settings
from tests.builders import BOX, a_subscription, a_webhook, an_event, as_bytes
from tests.receivers import a_hostile, a_receiver

SINKS: dict[str, Callable[[str], Any]] = {"webhook": a_webhook}
SETTINGS = Settings(
    webhook_allowed_networks=(ip_network("127.0.0.1/32"),), webhook_allow_http=True, webhook_timeout_seconds=0.5
)


def test_every_handler_is_under_contract():
    assert SINKS.keys() == BUILDERS.keys()


@pytest.fixture(params=sorted(SINKS))
def kind(request: Any) -> str:
    return str(request.param)


@pytest.fixture
async def handler() -> AsyncIterator[Handlers]:
    handler = Handlers(SETTINGS, BOX)
    yield handler
    await handler.close()


def a_request(kind: str, url: str, **fields: Any) -> DeliveryRequest:
    sink = SINKS[kind](url)
    given = {
        "delivery_id": "1",
        "subscription": a_subscription(sink=sink),
        "sink": sink,
        "attempt": 1,
        "events": (as_bytes(an_event()),),
        "schema": "EventGridSchema",
        "data_version": "2",
    }
    return DeliveryRequest(**(given | fields))


async def test_what_was_taken_is_delivered_with_how_long_it_took(handler, kind):
    async with a_receiver() as receiver:
        outcome = await handler.deliver(a_request(kind, receiver.url))
        assert as_bytes(an_event()) in receiver.received[0].body
    assert isinstance(outcome, Delivered)
    assert outcome.duration_ms > 0


@pytest.mark.parametrize(("status", "outcome"), [(503, Failed), (400, Rejected)])
async def test_what_was_not_taken_is_said_so(handler, kind, status, outcome):
    async with a_receiver(status) as receiver:
        assert isinstance(await handler.deliver(a_request(kind, receiver.url)), outcome)


async def test_silence_ends_in_time(handler, kind):
    async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with a_hostile(silence) as url, asyncio.timeout(10):
        outcome = await handler.deliver(a_request(kind, url))
    assert isinstance(outcome, Failed)
    assert outcome.last_outcome == "TimedOut"


async def test_nothing_is_sent_where_nothing_may_go(handler, kind):
    async with a_receiver(host="127.0.0.2") as receiver:
        outcome = await handler.deliver(a_request(kind, receiver.url))
        assert receiver.received == []
    assert isinstance(outcome, Failed)
    assert outcome.last_outcome == "Forbidden"


async def test_a_sink_that_makes_no_sense_is_an_outcome_too(handler, kind):
    assert isinstance(await handler.deliver(a_request(kind, "http://[::1")), Failed)
    sealed_elsewhere = SINKS[kind]("http://127.0.0.1/").model_copy(update={"sealed_endpoint_url": "gAAAA"})
    request = a_request(
        kind, "http://127.0.0.1/", sink=sealed_elsewhere, subscription=a_subscription(sink=sealed_elsewhere)
    )
    assert isinstance(await handler.deliver(request), Failed)


async def test_an_attempt_may_be_cancelled_and_the_next_is_not_harmed(handler, kind):
    async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async with a_hostile(silence) as url:
        attempt = asyncio.create_task(handler.deliver(a_request(kind, url)))
        await asyncio.sleep(0)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
    async with a_receiver() as receiver:
        assert isinstance(await handler.deliver(a_request(kind, receiver.url)), Delivered)


async def test_closing_twice_is_fine(kind):
    handler = Handlers(SETTINGS, BOX)
    async with a_receiver() as receiver:
        await handler.deliver(a_request(kind, receiver.url))
    await handler.close()
    await handler.close()
