"""Push delivery on the real Kafka: from router.deliveries to the endpoint, or to the dead letters."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import pytest

from router.delivery.concurrency import FIRST
from router.kafka.producer import Message
from tests.builders import a_cloud_event, a_subscription, an_event, as_bytes
from tests.e2e.delivery_world import World, a_world, delivering
from tests.receivers import a_receiver
from tests.waiting import until
from topics import DELIVERIES, UNREADABLE
from topics.dead_letters import DeadLetter
from topics.subscriptions import RetryPolicy, subscription_key

pytestmark = pytest.mark.kafka


@pytest.fixture
async def world(kafka: Any) -> AsyncIterator[World]:
    async with a_world(kafka.bootstrap_servers) as started:
        yield started


async def test_a_webhook_gets_each_event_once_with_its_delivery_id(world):
    events = [an_event(id=f"event-{n}") for n in range(200)]
    async with a_receiver() as receiver, delivering(world):
        subscription = world.subscribe(receiver.url)
        owed = await world.owe(subscription, *events)
        await receiver.wait_for(200)
        attempts = await world.attempts(owed[0])
    assert sorted(r.headers["webhook-id"] for r in receiver.received) == sorted(d.delivery_id for d in owed)
    assert sorted(r.json[0]["id"] for r in receiver.received) == sorted(e["id"] for e in events)
    assert [(a.outcome, a.status, a.attempt, a.event_id) for a in attempts] == [("delivered", 200, 1, "event-0")]
    assert world.count("router_deliveries_succeeded_total", subscription=subscription.name) == 200


async def test_a_worker_forgets_the_counters_of_a_subscription_that_is_deleted(world, monkeypatch):
    monkeypatch.setattr("router.delivery.agent.FORGET_SECONDS", 0.05)
    counter = "router_deliveries_succeeded_total"
    async with a_receiver() as receiver, delivering(world):
        gone, stays = world.subscribe(receiver.url), world.subscribe(receiver.url)
        for subscription in (gone, stays):
            await world.owe(subscription, an_event())
            await until(lambda name=subscription.name: world.count(counter, subscription=name) == 1, 30)
        world.view.apply(subscription_key(gone.id), None)
        await until(lambda: world.count(counter, subscription=gone.name) is None, 30)
    assert world.count(counter, subscription=stays.name) == 1


async def test_a_cloud_event_travels_as_one_object(world):
    async with a_receiver() as receiver, delivering(world):
        await world.owe(world.subscribe(receiver.url), a_cloud_event())
        (request,) = await receiver.wait_for(1)
    assert request.body == as_bytes(a_cloud_event())
    assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"


async def test_a_rejected_event_is_dead_lettered_at_once(world):
    async with a_receiver(then=400) as receiver, delivering(world):
        subscription = world.subscribe(receiver.url)
        await world.owe(subscription, an_event())
        record = await world.dead_letter(subscription)
    dead = DeadLetter.model_validate_json(record.value)
    assert (dead.dead_letter_reason, dead.delivery_attempts) == ("UndeliverableDueToClientError", 1)
    assert dead.last_delivery_outcome == "BadRequest"
    assert record.value.startswith(as_bytes(an_event())[:-1])
    assert len(receiver.received) == 1


async def test_a_cloud_events_dead_letter_has_lower_case_names(world):
    async with a_receiver(then=413) as receiver, delivering(world):
        subscription = world.subscribe(receiver.url, delivery_schema="CloudEventSchemaV1_0")
        await world.owe(subscription, an_event())
        record = await world.dead_letter(subscription)
    dead = json.loads(record.value)
    assert dead["deadletterreason"] == "UndeliverableDueToClientError"
    assert dead["lastdeliveryoutcome"] == "PayloadTooLarge"
    assert dead["specversion"] == "1.0"
    assert dict(record.headers)["content-type"] == b"application/cloudevents+json; charset=utf-8"


async def test_attempts_are_limited(world):
    async with a_receiver(then=503) as receiver, delivering(world):
        subscription = world.subscribe(receiver.url, retry_policy=RetryPolicy(max_delivery_attempts=1))
        await world.owe(subscription, an_event())
        record = await world.dead_letter(subscription)
    assert json.loads(record.value)["deadLetterReason"] == "MaxDeliveryAttemptsExceeded"


async def test_what_cannot_be_read_is_set_aside_and_the_next_is_delivered(world):
    mark = uuid4().bytes
    async with a_receiver() as receiver, delivering(world):
        subscription = world.subscribe(receiver.url)
        key = subscription_key(subscription.id)
        await world.producer.send(DELIVERIES.name, Message(key, mark))
        await world.owe(subscription, an_event())
        await receiver.wait_for(1)
        (record,) = await world.read(UNREADABLE.name, lambda r: r.value == mark)
    assert dict(record.headers)["reason"] == b"header router-delivery-id is missing"


async def test_deliveries_of_a_deleted_subscription_are_dropped(world):
    async with a_receiver() as receiver, delivering(world):
        gone = a_subscription(f"gone-{uuid4().hex[:8]}")
        await world.owe(gone, an_event(), due=world.now())
        await world.owe(world.subscribe(receiver.url), an_event())
        await receiver.wait_for(1)
        await until(lambda: bool(world.count("router_deliveries_dropped_total", reason="subscription_deleted")))


async def test_a_dead_endpoint_holds_up_nobody_else(world, monkeypatch):
    async def never(_received: Any) -> Any:
        await asyncio.Event().wait()

    monkeypatch.setattr("router.delivery.agent.STOP_SECONDS", 0.2)
    world.settings = world.settings.model_copy(update={"webhook_timeout_seconds": 200})
    async with a_receiver(then=never) as dead, a_receiver() as alive, delivering(world):
        slow, quick = world.subscribe(dead.url), world.subscribe(alive.url)
        await world.owe(slow, *[an_event(id=f"slow-{n}") for n in range(500)])
        await dead.wait_for(FIRST)
        await world.owe(quick, *[an_event(id=f"quick-{n}") for n in range(100)])
        await alive.wait_for(100)
        # Long before the first attempt at the dead one has ended.
        assert len(dead.received) < 500
