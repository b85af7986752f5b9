"""What an endpoint did not take on the real Kafka: put off, and delivered when it is due."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web

from router.kafka.producer import Message
from tests.builders import a_delivery, a_subscription, a_webhook, an_event
from tests.e2e.delivery_world import World, a_world, delivering, is_of, retrying
from tests.receivers import Received, a_receiver
from tests.waiting import until
from topics import RETRIES, Delivery
from topics.subscriptions import subscription_key

pytestmark = pytest.mark.kafka


@pytest.fixture
async def world(kafka: Any) -> AsyncIterator[World]:
    async with a_world(kafka.bootstrap_servers) as started:
        yield started


async def test_a_failed_attempt_is_made_again_with_the_same_id(world):
    async with a_receiver(500, then=200) as receiver, delivering(world), retrying(world):
        (owed,) = await world.owe(world.subscribe(receiver.url), an_event())
        await receiver.wait_for(1)
        waiting = await world.read(
            RETRIES[timedelta(seconds=10)].name, lambda r: r.value == owed.event and is_of(r, owed)
        )
        world.ahead = timedelta(seconds=13)
        await receiver.wait_for(2)
        attempts = await world.attempts(owed, 2)
    again = Delivery.from_record(waiting[0].value, waiting[0].headers)
    assert (again.attempt, again.last_outcome, again.delivery_id) == (2, "GenericError", owed.delivery_id)
    assert [r.headers["webhook-id"] for r in receiver.received] == [owed.delivery_id] * 2
    assert [r.headers["aeg-delivery-count"] for r in receiver.received] == ["0", "1"]
    assert sorted((a.attempt, a.outcome, a.status) for a in attempts) == [(1, "failed", 500), (2, "delivered", 200)]


async def test_a_subscription_that_is_not_known_yet_is_waited_for(world):
    async with a_receiver() as receiver, delivering(world), retrying(world):
        subscription = a_subscription(f"new-{uuid4().hex[:8]}", sink=a_webhook(receiver.url))
        (owed,) = await world.owe(subscription, an_event())
        await world.read(RETRIES[timedelta(seconds=10)].name, lambda r: is_of(r, owed))
        world.view.apply(subscription_key(subscription.id), subscription.encode())
        world.ahead = timedelta(seconds=13)
        (request,) = await receiver.wait_for(1)
    assert request.headers["aeg-delivery-count"] == "0"


async def test_what_waits_goes_out_in_batches_that_succeed_or_fail_as_a_whole(world):
    refused: list[str] = []

    async def refuse_the_first(received: Received) -> web.StreamResponse:
        if refused or len(received.json) == 1:
            return web.Response()
        refused.extend(one["id"] for one in received.json)
        return web.Response(status=500)

    events = [an_event(id=f"event-{n}") for n in range(500)]
    async with a_receiver(then=refuse_the_first) as receiver, delivering(world), retrying(world):
        sink = a_webhook(receiver.url).model_copy(update={"max_events_per_batch": 50})
        owed = await world.owe(world.subscribe(receiver.url, sink=sink), *events)
        await until(lambda: {one["id"] for r in receiver.received for one in r.json} >= {e["id"] for e in events}, 30)
        world.ahead = timedelta(seconds=13)
        await until(lambda: sum(len(r.json) for r in receiver.received) == 500 + len(refused), 30)
        attempts = await world.attempts(next(d for d in owed if json.loads(d.event)["id"] == refused[0]), 2)
    times = Counter(one["id"] for r in receiver.received for one in r.json)
    assert {one for one, count in times.items() if count == 2} == set(refused)
    assert max(len(r.json) for r in receiver.received) <= 50
    assert len(receiver.received) < 250
    assert sorted((a.attempt, a.outcome) for a in attempts) == [(1, "failed"), (2, "delivered")]


async def test_an_endpoint_on_probation_loses_nothing_and_is_opened_by_one_that_succeeds(world):
    async with a_receiver(*[503] * 10, then=200) as receiver, delivering(world), retrying(world):
        owed = await world.owe(world.subscribe(receiver.url), *(an_event(id=f"event-{n}") for n in range(40)))
        await receiver.wait_for(10)
        await until(lambda: (world.count("router_deliveries_parked_total") or 0) > 0, 30)
        world.ahead = timedelta(seconds=60)
        delivered = {d.delivery_id for d in owed}
        await until(lambda: delivered <= {r.headers["webhook-id"] for r in receiver.received[10:]}, 50)
    assert world.count("router_dead_lettered_total") in (None, 0)


async def test_more_waits_than_retry_keeps_in_memory(world, monkeypatch):
    monkeypatch.setattr("router.retry.schedule.PLACE_RECORDS", 5)
    async with a_receiver() as receiver, delivering(world), retrying(world):
        subscription = world.subscribe(receiver.url)
        due = world.now() + timedelta(seconds=60)
        waiting = [
            a_delivery(delivery_id=uuid4().hex, subscription_id=subscription.id, attempt=2, due=due) for _ in range(200)
        ]
        waiting = [replace(delivery, first_published=world.now()) for delivery in waiting]
        messages = [Message(subscription_key(subscription.id), d.event, d.headers()) for d in waiting]
        await world.producer.send_all(RETRIES[timedelta(seconds=30)].name, messages)
        quick = replace(waiting[0], delivery_id=uuid4().hex, due=world.now())
        await world.producer.send(RETRIES[timedelta(seconds=10)].name, Message(b"quick", quick.event, quick.headers()))
        first = await receiver.wait_for(1)
        assert [r.headers["webhook-id"] for r in first] == [quick.delivery_id]
        world.ahead = timedelta(seconds=61)
        await receiver.wait_for(201)
    assert {r.headers["webhook-id"] for r in receiver.received} == {d.delivery_id for d in (quick, *waiting)}
