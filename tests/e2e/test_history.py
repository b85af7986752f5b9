"""The history on the real Kafka: filled from the topics, filled anew, asked, redriven from; and the files."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer

from router.delivery.dead_letter import dead_letter_value
from router.delivery.settle import GiveUp
from router.errors import RouterError
from router.history.archive import DeadLetterArchive
from router.history.consumer import HistoryConsumer
from router.history.options import HistoryOptions
from router.history.process import HistoryProcess
from router.history.reader import HistoryReader, Selection
from router.history.redrive import Redriver
from router.history.stored_records import StoredRecords
from router.kafka.admin import ensure_topics, partition_counts
from router.kafka.producer import KafkaProducer, Message
from router.settings import Settings
from router.subscriptions.view import SubscriptionsView
from tests.builders import a_delivery, a_subscription, a_webhook, an_attempt, an_event, as_bytes, event_headers
from tests.waiting import until
from topics import ALL_TOPICS, ATTEMPTS, DEAD_LETTERS, DELIVERIES, SUBSCRIPTIONS, WORKSPACE_EVENTS, Delivery
from topics.deliveries import DELIVERY_ID
from topics.subscriptions import Subscription, subscription_key

pytestmark = pytest.mark.kafka

PATIENT = 100.0
"""Seconds for a consumer to start and to find its partitions, however busy the machine is."""
GIVEN_UP = GiveUp("MaxDeliveryAttemptsExceeded", 1, "Busy")


class World:
    """A Kafka with things happening on it, and the history of it."""

    def __init__(self, settings: Settings, producer: KafkaProducer) -> None:
        self.options = HistoryOptions.of(settings)
        self.producer = producer
        self.reader = HistoryReader(self.options.path)
        self.name = f"s-{uuid4().hex[:12]}"
        self.subscription = a_subscription(
            self.name,
            sink=a_webhook(),
            dead_letter={
                "endpointType": "StorageBlob",
                "properties": {"blobContainerName": "dead", "resourceId": "/x"},
            },
        )

    def a_delivery(self, **event: Any) -> Delivery:
        owed = an_event(id=uuid4().hex, **event)
        return a_delivery(owed, delivery_id=uuid4().hex, subscription_id=self.subscription.id)

    async def attempted(self, delivery: Delivery, **fields: Any) -> None:
        attempt = an_attempt(
            delivery_id=delivery.delivery_id,
            event_id=json.loads(delivery.event)["id"],
            subscription=delivery.subscription_id,
            **({"at": now()} | fields),
        )
        await self.producer.send(ATTEMPTS.name, Message(delivery.delivery_id.encode(), attempt.encode()))

    async def died(self, delivery: Delivery) -> None:
        value = dead_letter_value(delivery.event, "EventGridSchema", GIVEN_UP, published=now(), last_attempt=now())
        key = subscription_key(delivery.subscription_id)
        dead = replace(delivery, last_outcome="Busy")
        await self.producer.send(DEAD_LETTERS.name, Message(key, value, dead.headers()))

    async def accepted(self, **members: Any) -> str:
        event = an_event(id=uuid4().hex, **members)
        message = Message(b"subject", as_bytes(event), event_headers(event))
        await self.producer.send(WORKSPACE_EVENTS.name, message)
        return str(event["id"])

    async def subscribed(self, subscription: Subscription) -> None:
        message = Message(subscription_key(subscription.id), subscription.encode())
        await self.producer.send(SUBSCRIPTIONS.name, message)

    def attempts(self) -> list[str]:
        try:
            return [one.delivery_id for one in self.reader.attempts(subscription=self.name, limit=1000)]
        except RouterError:
            return []

    def dead(self) -> list[str]:
        return [one.delivery_id for one in self.reader.dead_letters(Selection(self.name), limit=1000)]


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def doing(work: Any) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(work)
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
async def world(kafka: Any, tmp_path: Path) -> AsyncIterator[World]:
    await ensure_topics(kafka.bootstrap_servers, ALL_TOPICS)
    producer = KafkaProducer(kafka.bootstrap_servers)
    yield World(Settings(bootstrap_servers=kafka.bootstrap_servers, data_dir=tmp_path), producer)
    await producer.stop()


async def test_what_happens_is_known_soon_and_once_also_after_a_restart(world):
    deliveries = [world.a_delivery() for _ in range(3)]
    async with doing(HistoryConsumer(world.options, now).run()):
        await world.attempted(deliveries[0])
        await until(lambda: len(world.attempts()) == 1, PATIENT)
        await world.attempted(deliveries[1], outcome="failed", status=503)
        await until(lambda: len(world.attempts()) == 2)  # less than half the time between two looks for partitions
    await world.attempted(deliveries[2])
    async with doing(HistoryConsumer(world.options, now).run()):
        await until(lambda: len(world.attempts()) == 3, PATIENT)
    assert set(world.attempts()) == {one.delivery_id for one in deliveries}


async def test_topics_that_the_broker_does_not_know_yet_are_looked_for_again_soon(world, monkeypatch):
    answers = [{}, {ATTEMPTS.name: 1}]

    async def forgetful(*asked):
        return answers.pop(0) if answers else await partition_counts(*asked)

    monkeypatch.setattr("router.history.consumer.partition_counts", forgetful)
    deliveries = [world.a_delivery() for _ in range(20)]
    for delivery in deliveries:
        await world.attempted(delivery)
    async with doing(HistoryConsumer(world.options, now).run()):
        await until(lambda: len(world.attempts()) == len(deliveries), 20)  # less than the time between two looks


async def test_a_file_that_is_gone_or_broken_is_filled_anew(world):
    delivery = world.a_delivery()
    await world.attempted(delivery)
    for damage in (None, b"nonsense" * 1000):
        if damage:
            world.options.path.write_bytes(damage)
            for suffix in ("-wal", "-shm"):
                world.options.path.with_name(world.options.path.name + suffix).unlink(missing_ok=True)
        async with doing(HistoryConsumer(world.options, now).run()):
            await until(lambda: world.attempts() == [delivery.delivery_id], PATIENT)


async def test_events_and_dead_letters_are_fetched_from_where_they_stand(world):
    event_id = await world.accepted(subject="models/a:1")
    delivery = world.a_delivery()
    await world.died(delivery)
    records = StoredRecords(world.options.bootstrap_servers)
    async with doing(HistoryConsumer(world.options, now).run()):
        await until(
            lambda: world.options.path.exists() and bool(_safely(world.reader.places_of_event, event_id)), PATIENT
        )
        await until(lambda: world.dead() == [delivery.delivery_id], PATIENT)
    places = world.reader.places_of_event(event_id)
    found = await records.fetch(WORKSPACE_EVENTS.name, [*places, (0, 1 << 40)])
    assert [json.loads(record.value)["id"] for record in found.values()] == [event_id]
    await records.stop()


async def test_a_redrive_delivers_what_had_died_and_a_canary_stops_when_it_fails_again(world):
    view = SubscriptionsView()
    view.apply(subscription_key(world.subscription.id), world.subscription.encode())
    deliveries = [world.a_delivery() for _ in range(20)]
    for delivery in deliveries:
        await world.died(delivery)
    records = StoredRecords(world.options.bootstrap_servers)
    redriver = Redriver(reader=world.reader, records=records, producer=world.producer, subscriptions=view, now=now)
    endpoint = {"outcome": "failed", "status": 503}
    known = {one.delivery_id for one in deliveries}
    async with doing(HistoryConsumer(world.options, now).run()), doing(_answering(world, known, endpoint)):
        await until(lambda: len(_safely(world.dead)) == 20, PATIENT)
        refused = await redriver.start(Selection(world.name), canary=True)
        await until(lambda: redriver.get(refused.id).state != "running", PATIENT)
        ended = redriver.get(refused.id)
        assert (ended.state, ended.standing.sent, ended.standing.failed) == ("stopped", 1, 1)

        endpoint |= {"outcome": "delivered", "status": 200}
        begun = await redriver.start(Selection(world.name, delivery_ids=world.dead()[:10]), canary=True)
        await until(lambda: redriver.get(begun.id).state != "running", PATIENT)
        assert redriver.get(begun.id).detail == "10 of 10 delivered"
        await until(lambda: len(world.dead()) == 10)
    await redriver.stop()
    await records.stop()


async def _answering(world: World, known: set[str], endpoint: dict[str, Any]) -> None:
    """Attempt what comes to router.deliveries, as a worker would."""
    consumer = AIOKafkaConsumer(
        DELIVERIES.name, bootstrap_servers=world.options.bootstrap_servers, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        async for record in consumer:
            if dict(record.headers).get(DELIVERY_ID, b"").decode() in known:
                delivery = Delivery.from_record(record.value, record.headers)
                assert delivery.attempt == 1
                assert "deadLetterReason" not in json.loads(delivery.event)
                await world.attempted(delivery, **endpoint)
    finally:
        await consumer.stop()


async def test_dead_letters_become_files_where_the_subscription_says(world, tmp_path):
    await world.subscribed(world.subscription)
    delivery = world.a_delivery()
    await world.died(delivery)
    elsewhere = a_delivery(subscription_id=f"{world.subscription.id}-none", delivery_id=uuid4().hex)
    await world.died(elsewhere)
    folder = tmp_path / "dead-letters" / "dead" / world.name.upper()
    async with doing(DeadLetterArchive(world.options, now).run()):
        await until(lambda: bool(list(folder.rglob("*.json"))), PATIENT)
    (path,) = folder.rglob("*.json")
    (event,) = json.loads(path.read_bytes())
    assert event["id"] == json.loads(delivery.event)["id"]
    assert event["deadLetterReason"] == "MaxDeliveryAttemptsExceeded"
    died = datetime.fromisoformat(event["lastDeliveryAttemptTime"])
    assert path.parent == folder / f"{died.year}/{died.month}/{died.day}/{died.hour}"
    assert not [one for one in (tmp_path / "dead-letters").rglob("*.json") if elsewhere.delivery_id in one.read_text()]


async def test_the_process_starts_again_when_it_dies_and_ends_when_told(world):
    process = HistoryProcess(world.options)
    await process.start()
    await world.attempted(world.a_delivery())
    await until(lambda: len(world.attempts()) == 1, PATIENT)
    os.kill(_children()[0], signal.SIGKILL)
    await world.attempted(world.a_delivery())
    await until(lambda: len(world.attempts()) == 2, PATIENT)
    await process.stop()
    assert not _children()


def _children() -> list[int]:
    own = os.getpid()
    listed = Path(f"/proc/{own}/task/{own}/children").read_text().split()
    return [int(pid) for pid in listed if b"router.history" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def _safely(question: Any, *arguments: Any) -> Any:
    try:
        return question(*arguments)
    except RouterError:
        return []
