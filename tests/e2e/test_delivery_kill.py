"""SIGKILL of a worker during deliveries: each arrives at least once, repeats say so, and no gap is committed."""

import asyncio
import os
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from cryptography.fernet import Fernet

from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer, Message
from router.secrets import SecretBox
from tests.builders import a_delivery, a_subscription, an_event
from tests.receivers import Receiver, a_receiver
from tests.waiting import until
from tests.workers import WorkerProcess
from topics import ALL_TOPICS, DELIVERIES, RETRIES, SUBSCRIPTIONS, Subscription, WebhookSink
from topics.deliveries import DELIVERY_ID
from topics.subscriptions import subscription_key

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(400)]
GROUP = "router-delivery"
DELIVERIES_OWED = int(os.environ.get("DELIVERIES_OWED", "10000"))
"""50,000 by hand; fewer in the suite, which must stay short."""
KILLS = 3
SUBSCRIBED = 16


@pytest.fixture
async def producer(kafka: Any) -> AsyncIterator[KafkaProducer]:
    await ensure_topics(kafka.bootstrap_servers, ALL_TOPICS)
    producer = KafkaProducer(kafka.bootstrap_servers, timeout_seconds=120)
    yield producer
    await producer.stop()


async def committed(bootstrap: str) -> dict[TopicPartition, int]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return {tp: meta.offset for tp, meta in (await admin.list_consumer_group_offsets(GROUP)).items()}
    finally:
        await admin.close()


async def written(bootstrap: str, ids: set[str]) -> dict[tuple[TopicPartition, int], str]:
    """Return where each delivery stands."""
    consumer = AIOKafkaConsumer(DELIVERIES.name, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    found: dict[tuple[TopicPartition, int], str] = {}
    while len(found) < len(ids):
        for tp, records in (await consumer.getmany(timeout_ms=500)).items():
            for record in records:
                delivery_id = dict(record.headers)[DELIVERY_ID].decode()
                if delivery_id in ids:
                    found[tp, record.offset] = delivery_id
    await consumer.stop()
    return found


async def put_off(bootstrap: str) -> set[str]:
    """Return the ids of what was put off into a retry topic, which is as good as made."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    partitions = [TopicPartition(topic.name, n) for topic in RETRIES.values() for n in range(topic.partitions)]
    ends = {tp: end for tp, end in (await consumer.end_offsets(partitions)).items() if end > 0}
    consumer.assign(list(ends))
    found: set[str] = set()
    if ends:
        await consumer.seek_to_beginning(*ends)
    while any([await consumer.position(tp) < end for tp, end in ends.items()]):
        for records in (await consumer.getmany(timeout_ms=200)).values():
            found |= {dict(record.headers)[DELIVERY_ID].decode() for record in records}
    await consumer.stop()
    return found


async def subscribe(producer: KafkaProducer, url: str, box: SecretBox) -> list[Subscription]:
    """Make subscriptions of one webhook, which the workers read from Kafka."""
    sink = WebhookSink(endpoint_base_url=url, sealed_endpoint_url=box.seal(url))
    made = [a_subscription(f"kill-{n}-{uuid4().hex[:8]}", sink=sink) for n in range(SUBSCRIBED)]
    for one in made:
        await producer.send(SUBSCRIPTIONS.name, Message(subscription_key(one.id), one.encode()))
    return made


async def owe(producer: KafkaProducer, subscriptions: list[Subscription]) -> dict[str, str]:
    """Write the deliveries, by turns for each subscription; return the event's id by the delivery's."""
    owed: dict[str, str] = {}
    for first in range(0, DELIVERIES_OWED, 5_000):
        messages = []
        for number in range(first, first + 5_000):
            subscription = subscriptions[number % SUBSCRIBED]
            delivery = a_delivery(
                an_event(id=f"event-{number}"),
                delivery_id=uuid4().hex,
                subscription_id=subscription.id,
                first_published=datetime.now(UTC),
            )
            owed[delivery.delivery_id] = f"event-{number}"
            messages.append(Message(subscription_key(subscription.id), delivery.event, delivery.headers()))
        await producer.send_all(DELIVERIES.name, messages)
    return owed


def arrived(receiver: Receiver) -> set[str]:
    """Return the ids of the deliveries that the webhook got."""
    return {r.headers["webhook-id"] for r in receiver.received}


async def skipped(bootstrap: str, places: dict[tuple[TopicPartition, int], str], receiver: Receiver) -> list[str]:
    """Return the deliveries behind the committed offsets that neither arrived nor were put off."""
    offsets = await committed(bootstrap)
    done = arrived(receiver) | await put_off(bootstrap)
    return [one for (tp, at), one in places.items() if at < offsets.get(tp, 0) and one not in done]


async def test_each_delivery_arrives_and_repeats_carry_the_same_id(kafka, producer, tmp_path):
    key, bootstrap = Fernet.generate_key().decode(), kafka.bootstrap_servers
    settings = {
        "ROUTER_SECRET_KEY": key,
        "ROUTER_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "ROUTER_WEBHOOK_ALLOW_HTTP": "true",
        "ROUTER_LOG_LEVEL": "warning",
    }
    worker = WorkerProcess(bootstrap, tmp_path, "killed", stages="delivery,retry", **settings)
    async with a_receiver() as receiver:
        owed = await owe(producer, await subscribe(producer, receiver.url, SecretBox(key)))
        places = await written(bootstrap, set(owed))
        try:
            for kill in range(1, KILLS + 1):
                worker.start()
                await until(lambda due=kill: len(receiver.received) >= due * DELIVERIES_OWED // (KILLS + 2), 150)
                worker.kill()
                await asyncio.sleep(0.5)
                assert await skipped(bootstrap, places, receiver) == [], "a committed delivery was not made"
            worker.start()
            async with asyncio.timeout(200):
                # Seldom, as the receiver shares this event loop.
                while not set(owed) <= arrived(receiver):  # noqa: ASYNC110
                    await asyncio.sleep(1)
        finally:
            worker.end()
    counts = Counter(r.headers["webhook-id"] for r in receiver.received)
    assert set(counts) == set(owed)
    assert {r.headers["webhook-id"]: r.json[0]["id"] for r in receiver.received} == owed
    repeats = sum(counts.values()) - len(counts)
    print(f"{repeats} of {len(counts)} came again after {KILLS} kills")  # noqa: T201 (a figure to read)
    assert repeats < len(counts)
