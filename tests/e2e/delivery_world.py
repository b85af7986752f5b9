"""The stages of push delivery around a real Kafka, with a producer that can fail and a clock that can run ahead."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer

from router.delivery.agent import DeliveryAgent
from router.errors import KafkaUnavailableError
from router.handlers import WebhookHandler
from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer, Message
from router.observability.metrics import Metrics
from router.retry.agent import RetryAgent
from router.settings import Settings
from router.subscriptions.view import SubscriptionsView
from tests.builders import BOX, a_delivery, a_subscription, a_webhook
from tests.waiting import until
from topics import ALL_TOPICS, ATTEMPTS, DEAD_LETTERS, DELIVERIES, Delivery, DeliveryAttempt
from topics.subscriptions import Subscription, subscription_key


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
            async with asyncio.timeout(60):
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


@asynccontextmanager
async def a_world(bootstrap_servers: str) -> AsyncIterator[World]:
    """Stages that may send to this machine, around a Kafka with every topic."""
    await ensure_topics(bootstrap_servers, ALL_TOPICS)
    settings = Settings(
        bootstrap_servers=bootstrap_servers,
        instance="delivery-tests",
        webhook_allowed_networks=(ip_network("127.0.0.1/32"),),
        webhook_allow_http=True,
        webhook_timeout_seconds=5,
    )
    producer = KafkaProducer(bootstrap_servers)
    try:
        yield World(settings, producer)
    finally:
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
    """Run a stage, once it has its partitions."""
    await agent.start()
    try:
        await until(lambda: _is_ready(agent), 60)
        yield
    finally:
        await agent.stop()


async def _is_ready(agent: Any) -> bool:
    return await agent.check() is None


def is_of(record: Any, delivery: Delivery) -> bool:
    """Whether a record is about a delivery."""
    return dict(record.headers).get("router-delivery-id") == delivery.delivery_id.encode()
