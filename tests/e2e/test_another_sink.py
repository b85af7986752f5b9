"""A second kind of sink goes through lanes, retries and dead letters as webhooks do: one file and one line."""

from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import pytest

from router.delivery.agent import DeliveryAgent
from router.handlers import Handlers
from router.handlers.registry import BUILDERS
from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer
from router.settings import Settings
from tests.builders import BOX, a_subscription, an_event, as_bytes
from tests.e2e.delivery_world import World, retrying, running
from tests.email_sink import EmailHandler, MailingSubscription, Relay, a_relay
from tests.waiting import until
from topics import ALL_TOPICS

pytestmark = pytest.mark.kafka


@pytest.fixture
async def world(kafka: Any) -> AsyncIterator[World]:
    await ensure_topics(kafka.bootstrap_servers, ALL_TOPICS)
    settings = Settings(
        bootstrap_servers=kafka.bootstrap_servers,
        instance="another-sink",
        webhook_allowed_networks=(ip_network("127.0.0.1/32"),),
    )
    producer = KafkaProducer(kafka.bootstrap_servers)
    yield World(settings, producer)
    await producer.stop()


def mailing(relay: Relay, **fields: Any) -> MailingSubscription:
    name = f"mail-{uuid4().hex[:8]}"
    sink = relay.sink.model_copy(update=fields)
    return MailingSubscription(**(a_subscription(name).model_dump() | {"sink": sink}))


async def test_mail_is_delivered_tried_again_and_given_up(world, monkeypatch):
    monkeypatch.setitem(BUILDERS, "email", EmailHandler)
    async with a_relay() as taking, a_relay("not now") as busy, a_relay("never") as refusing:
        wanted, later, never = mailing(taking, max_events_per_batch=10), mailing(busy), mailing(refusing)
        subscriptions = {one.id: one for one in (wanted, later, never)}
        agent = DeliveryAgent(
            world.settings,
            subscriptions=subscriptions,
            handler=Handlers(world.settings, BOX),
            producer=world.producer,
            metrics=world.metrics,
            now=world.now,
        )
        events = [an_event(id=f"event-{number}") for number in range(50)]
        async with running(agent), retrying(world):
            await world.owe(wanted, *events)
            (again,) = await world.owe(later, an_event())
            await world.owe(never, an_event())
            dead = await world.dead_letter(never)
            await until(lambda: all(any(as_bytes(e) in m for m in taking.mails.values()) for e in events), 30)
            await until(lambda: busy.refused == 1)
            busy.mood = "takes"
            world.ahead = timedelta(seconds=13)
            await until(lambda: bool(busy.mails), 30)
            attempts = await world.attempts(again, 2)
    assert b'"deadLetterReason":"UndeliverableDueToClientError"' in dead.value
    assert list(busy.mails) == [f"<{again.delivery_id}@router>"]
    assert sorted((one.attempt, one.outcome, one.status) for one in attempts) == [
        (1, "failed", 451),
        (2, "delivered", 250),
    ]
    assert world.count("router_end_to_end_seconds_count", sink="email") >= 51
