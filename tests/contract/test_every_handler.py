"""What every handler owes, whatever its kind of sink: an outcome in time, nothing sent where nothing may go.

A handler joins by its line in `router.handlers.registry.BUILDERS` and one in `KINDS`. The second kind here is a test's
own (tests/email_sink.py), to show that one file and one line are all it takes.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest

from router.handlers import Delivered, DeliveryRequest, Failed, Handlers, Rejected
from router.handlers.registry import BUILDERS
from router.settings import Settings
from tests.builders import BOX, a_subscription, a_webhook, an_event, as_bytes
from tests.email_sink import EmailHandler, EmailSink, MailingSubscription, Mood, a_relay
from tests.receivers import a_hostile, a_receiver
from topics.subscriptions import PushSink

SETTINGS = Settings(
    webhook_allowed_networks=(ip_network("127.0.0.1/32"),), webhook_allow_http=True, webhook_timeout_seconds=20
)
HASTY = SETTINGS.model_copy(update={"webhook_timeout_seconds": 0.5})
"""For ends that do not answer; one that does may take longer on a busy machine."""


@dataclass(frozen=True)
class End:
    """What a sink leads to, and a way to see what it has taken."""

    sink: PushSink
    taken: Callable[[], Sequence[bytes]]


@asynccontextmanager
async def a_web_end(mood: Mood = "takes", host: str = "127.0.0.1") -> AsyncIterator[End]:
    async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await reader.read(1)

    if mood == "silent":
        async with a_hostile(silence) as url:
            yield End(a_webhook(url), list)
        return
    async with a_receiver(then={"takes": 200, "not now": 503, "never": 400}[mood], host=host) as receiver:
        yield End(a_webhook(receiver.url), lambda: [one.body for one in receiver.received])


@asynccontextmanager
async def a_mail_end(mood: Mood = "takes", host: str = "127.0.0.1") -> AsyncIterator[End]:
    async with a_relay(mood, host) as relay:
        yield End(relay.sink, lambda: list(relay.mails.values()))


@dataclass(frozen=True)
class Kind:
    """How to make an end of a kind, and sinks of it that lead nowhere."""

    end: Callable[..., AbstractAsyncContextManager[End]]
    nonsense: tuple[PushSink, ...]


KINDS = {
    "webhook": Kind(
        a_web_end,
        (a_webhook("http://[::1"), a_webhook().model_copy(update={"sealed_endpoint_url": "gAAAA"})),
    ),
    "email": Kind(a_mail_end, (EmailSink(to="é", relay="x:y"), EmailSink(to="", relay=""))),
}


def test_every_handler_is_under_contract():
    assert BUILDERS.keys() <= KINDS.keys()


@pytest.fixture(params=sorted(KINDS))
def kind(request: Any, monkeypatch: pytest.MonkeyPatch) -> Kind:
    monkeypatch.setitem(BUILDERS, "email", EmailHandler)
    return KINDS[request.param]


@pytest.fixture
async def handler(kind: Kind) -> AsyncIterator[Handlers]:  # noqa: ARG001 (which may register a handler first)
    handler = Handlers(SETTINGS, BOX)
    yield handler
    await handler.close()


def a_request(sink: PushSink, **fields: Any) -> DeliveryRequest:
    given = {
        "delivery_id": "1",
        "subscription": MailingSubscription(**(a_subscription().model_dump() | {"sink": sink})),
        "sink": sink,
        "attempt": 1,
        "events": (as_bytes(an_event()),),
        "schema": "EventGridSchema",
        "data_version": "2",
    }
    return DeliveryRequest(**(given | fields))


async def test_what_was_taken_is_delivered_with_how_long_it_took(handler, kind):
    async with kind.end() as end:
        outcome = await handler.deliver(a_request(end.sink))
        assert as_bytes(an_event()) in end.taken()[0]
    assert isinstance(outcome, Delivered)
    assert outcome.duration_ms > 0


@pytest.mark.parametrize(("mood", "outcome"), [("not now", Failed), ("never", Rejected)])
async def test_what_was_not_taken_is_said_so(handler, kind, mood, outcome):
    async with kind.end(mood) as end:
        assert isinstance(await handler.deliver(a_request(end.sink)), outcome)


async def test_silence_ends_in_time(kind):
    hasty = Handlers(HASTY, BOX)
    async with kind.end("silent") as end, asyncio.timeout(20):
        outcome = await hasty.deliver(a_request(end.sink))
    await hasty.close()
    assert isinstance(outcome, Failed)
    assert outcome.last_outcome == "TimedOut"


async def test_nothing_is_sent_where_nothing_may_go(handler, kind):
    async with kind.end(host="127.0.0.2") as end:
        outcome = await handler.deliver(a_request(end.sink))
        assert end.taken() == []
    assert isinstance(outcome, Failed)
    assert outcome.last_outcome == "Forbidden"


async def test_a_sink_that_makes_no_sense_is_an_outcome_too(handler, kind):
    for sink in kind.nonsense:
        assert isinstance(await handler.deliver(a_request(sink)), Failed)


async def test_an_attempt_may_be_cancelled_and_the_next_is_not_harmed(handler, kind):
    async with kind.end("silent") as end:
        attempt = asyncio.create_task(handler.deliver(a_request(end.sink)))
        await asyncio.sleep(0)
        attempt.cancel()
        with pytest.raises(asyncio.CancelledError):
            await attempt
    async with kind.end() as end:
        assert isinstance(await handler.deliver(a_request(end.sink)), Delivered)


async def test_a_batch_is_taken_as_a_whole(handler, kind):
    events = tuple(as_bytes(an_event(id=str(number))) for number in range(20))
    async with kind.end() as end:
        assert isinstance(await handler.deliver(a_request(end.sink, events=events)), Delivered)
        (taken,) = end.taken()
    assert all(event in taken for event in events)


async def test_closing_twice_is_fine(handler, kind):
    async with kind.end() as end:
        await handler.deliver(a_request(end.sink))
    await handler.close()
    await handler.close()
