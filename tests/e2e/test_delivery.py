"""Push delivery and retries on the real Kafka: from router.deliveries to the endpoint and to what follows."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import pytest
from aiohttp import web
from aiokafka import AIOKafkaConsumer

from router.delivery.agent import DeliveryAgent
from router.delivery.concurrency import FIRST
from router.errors import KafkaUnavailableError
from router.handlers import WebhookHandler
from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer, Message
from router.observability.metrics import Metrics
from router.retry.agent import RetryAgent
from router.settings import Settings
from router.subscriptions.view import SubscriptionsView
from tests.builders import BOX, a_cloud_event, a_delivery, a_subscription, a_webhook, an_event, as_bytes
from tests.receivers import Received, a_receiver
from tests.waiting import until
from topics import ALL_TOPICS, ATTEMPTS, DEAD_LETTERS, DELIVERIES, RETRIES, UNREADABLE, Delivery, DeliveryAttempt
from topics.dead_letters import DeadLetter
from topics.subscriptions import RetryPolicy, Subscription, subscription_key

pytestmark = pytest.mark.kafka


class FlakyProducer:
    """The real producer, with a switch that makes Kafka be gone."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer
        self.gone = False
        self.refusals = 0

    async def send(self, topic: str, message: Message) -> Any:
        return (await self.send_all(topic, (message,)))[0]

    async def send_all(self, topic: str, messages: Any) -> Any:
        self._refuse_while_gone()
        return await self._producer.send_all(topic, messages)

    async def write(self, topic: str, messages: Any) -> None:
        self._refuse_while_gone()
        await self._producer.write(topic, messages)

    def _refuse_while_gone(self) -> None:
        if self.gone:
            self.refusals += 1
            raise KafkaUnavailableError("gone, for this test")


class World:
    """A worker's delivery and retry stages around a Kafka, and the subscriptions they see."""

    def __init__(self, settings: Settings, producer: KafkaProducer) -> None:
        self.settings = settings
        self.producer = FlakyProducer(producer)
        self.view = SubscriptionsView()
        self.metrics = Metrics()
        self.ahead = timedelta()
        """How far the clock of the stages runs ahead, so that nobody has to wait."""

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def subscribe(self, url: str, **fields: Any) -> Subscription:
        name = f"s-{uuid4().hex[:12]}"
        subscription = a_subscription(name, **({"sink": a_webhook(url)} | fields))
        self.view.apply(subscription_key(subscription.id), subscription.encode())
        return subscription

    async def owe(self, subscription: Subscription, *events: dict[str, Any], **fields: Any) -> list[Delivery]:
        owed = [
            a_delivery(event, delivery_id=uuid4().hex, subscription_id=subscription.id, first_published=self.now())
            for event in events
        ]
        owed = [replace(delivery, **fields) for delivery in owed]
        key = subscription_key(subscription.id)
        await self.producer.send_all(DELIVERIES.name, [Message(key, d.event, d.headers()) for d in owed])
        return owed

    async def read(self, topic: str, wanted: Callable[[Any], bool], count: int = 1) -> list[Any]:
        """Return the first records of a topic that are wanted."""
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=self.settings.bootstrap_servers,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await consumer.start()
        found: list[Any] = []
        try:
            async with asyncio.timeout(30):
                while len(found) < count:
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        found += [record for record in records if wanted(record)]
        finally:
            await consumer.stop()
        return found

    def count(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)

    async def attempts(self, delivery: Delivery, count: int = 1) -> list[DeliveryAttempt]:
        records = await self.read(ATTEMPTS.name, lambda r: r.key == delivery.delivery_id.encode(), count)
        return [DeliveryAttempt.model_validate_json(record.value) for record in records]

    async def dead_letter(self, subscription: Subscription) -> Any:
        return (await self.read(DEAD_LETTERS.name, lambda r: r.key == subscription_key(subscription.id)))[0]


@pytest.fixture
async def world(kafka: Any) -> AsyncIterator[World]:
    await ensure_topics(kafka.bootstrap_servers, ALL_TOPICS)
    settings = Settings(
        bootstrap_servers=kafka.bootstrap_servers,
        instance="delivery-tests",
        webhook_allowed_networks=(ip_network("127.0.0.1/32"),),
        webhook_allow_http=True,
        webhook_timeout_seconds=5,
    )
    producer = KafkaProducer(kafka.bootstrap_servers)
    yield World(settings, producer)
    await producer.stop()


@asynccontextmanager
async def delivering(world: World, instance: str = "delivery-tests") -> AsyncIterator[DeliveryAgent]:
    """Run the delivery stage, once it has its partitions."""
    agent = DeliveryAgent(
        world.settings.model_copy(update={"instance": instance}),
        subscriptions=world.view,
        handler=WebhookHandler(world.settings, BOX, now=world.now),
        producer=world.producer,
        metrics=world.metrics,
        now=world.now,
    )
    async with running(agent):
        yield agent


@asynccontextmanager
async def retrying(world: World) -> AsyncIterator[RetryAgent]:
    """Run the retry stage, once it has its partitions."""
    agent = RetryAgent(world.settings, producer=world.producer, metrics=world.metrics, now=world.now)
    async with running(agent):
        yield agent


@asynccontextmanager
async def running(agent: Any) -> AsyncIterator[None]:
    await agent.start()
    try:
        await until(lambda: _is_ready(agent), 30)
        yield
    finally:
        await agent.stop()


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


async def test_a_failed_attempt_is_made_again_with_the_same_id(world):
    async with a_receiver(500, then=200) as receiver, delivering(world), retrying(world):
        (owed,) = await world.owe(world.subscribe(receiver.url), an_event())
        await receiver.wait_for(1)
        waiting = await world.read(
            RETRIES[timedelta(seconds=10)].name, lambda r: r.value == owed.event and _of(r, owed)
        )
        world.ahead = timedelta(seconds=13)
        await receiver.wait_for(2)
        attempts = await world.attempts(owed, 2)
    again = Delivery.from_record(waiting[0].value, waiting[0].headers)
    assert (again.attempt, again.last_outcome, again.delivery_id) == (2, "GenericError", owed.delivery_id)
    assert [r.headers["webhook-id"] for r in receiver.received] == [owed.delivery_id] * 2
    assert [r.headers["aeg-delivery-count"] for r in receiver.received] == ["0", "1"]
    assert sorted((a.attempt, a.outcome, a.status) for a in attempts) == [(1, "failed", 500), (2, "delivered", 200)]


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


async def test_a_subscription_that_is_not_known_yet_is_waited_for(world):
    async with a_receiver() as receiver, delivering(world), retrying(world):
        subscription = a_subscription(f"new-{uuid4().hex[:8]}", sink=a_webhook(receiver.url))
        (owed,) = await world.owe(subscription, an_event())
        await world.read(RETRIES[timedelta(seconds=10)].name, lambda r: _of(r, owed))
        world.view.apply(subscription_key(subscription.id), subscription.encode())
        world.ahead = timedelta(seconds=13)
        (request,) = await receiver.wait_for(1)
    assert request.headers["aeg-delivery-count"] == "0"


async def test_a_dead_endpoint_holds_up_nobody_else(world):
    async def never(_received: Any) -> Any:
        await asyncio.sleep(60)

    async with a_receiver(then=never) as dead, a_receiver() as alive, delivering(world):
        slow, quick = world.subscribe(dead.url), world.subscribe(alive.url)
        await world.owe(slow, *[an_event(id=f"slow-{n}") for n in range(500)])
        await dead.wait_for(FIRST)
        began = time.monotonic()
        await world.owe(quick, *[an_event(id=f"quick-{n}") for n in range(100)])
        await alive.wait_for(100)
        assert time.monotonic() - began < world.settings.webhook_timeout_seconds
        assert len(dead.received) < 500


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


async def test_nothing_is_lost_while_kafka_takes_nothing(world):
    async with a_receiver(then=500) as receiver, delivering(world) as agent:
        (owed,) = await world.owe(world.subscribe(receiver.url), an_event())
        world.producer.gone = True
        await receiver.wait_for(1)
        await until(lambda: world.producer.refusals >= 3)
        assert await agent.check() is None
        world.producer.gone = False
        await world.read(RETRIES[timedelta(seconds=10)].name, lambda r: _of(r, owed))


async def test_what_was_not_settled_is_delivered_again_with_the_same_id(world, monkeypatch):
    monkeypatch.setattr("router.delivery.agent.STOP_SECONDS", 0.2)
    async with a_receiver() as receiver:
        subscription = world.subscribe(receiver.url)
        async with delivering(world):
            (owed,) = await world.owe(subscription, an_event())
            world.producer.gone = True
            await receiver.wait_for(1)
        world.producer.gone = False
        async with delivering(world):
            await receiver.wait_for(2)
            await world.attempts(owed)
    assert [r.headers["webhook-id"] for r in receiver.received] == [owed.delivery_id] * 2


async def test_what_was_settled_is_not_delivered_again_after_a_restart(world):
    async with a_receiver() as receiver:
        subscription = world.subscribe(receiver.url)
        for count in (1, 2):
            async with delivering(world):
                await world.owe(subscription, an_event())
                await receiver.wait_for(count)
    assert len({r.headers["webhook-id"] for r in receiver.received}) == len(receiver.received)


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


async def test_workers_share_the_partitions_and_hand_them_over(world, monkeypatch):
    # Nobody leaves a group of static members; the others wait until a session ends.
    monkeypatch.setattr("router.kafka.work_queue.SESSION_SECONDS", 6)
    async with a_receiver() as receiver, delivering(world):
        subscriptions = [world.subscribe(receiver.url) for _ in range(8)]
        owed: list[Delivery] = []

        async def owe_each() -> None:
            for subscription in subscriptions:
                owed.extend(await world.owe(subscription, *[an_event(id=str(n)) for n in range(20)]))

        await owe_each()
        async with delivering(world, instance="delivery-tests-2"):
            await owe_each()
            await receiver.wait_for(len(owed))
        await owe_each()
        await until(lambda: {d.delivery_id for d in owed} == {r.headers["webhook-id"] for r in receiver.received}, 50)


async def _is_ready(agent: Any) -> bool:
    return await agent.check() is None


def _of(record: Any, delivery: Delivery) -> bool:
    return dict(record.headers).get("router-delivery-id") == delivery.delivery_id.encode()
