"""The management API over a real Kafka: what it answers holds on the broker, in other processes and after a restart."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from router.api.management import build_management
from router.identity.callers import Callers
from router.kafka.admin import ensure_topics, partition_counts
from router.kafka.producer import KafkaProducer
from router.resources.follower import ResourcesFollower
from router.resources.store import ResourceStore
from router.settings import Settings
from router.sources.follower import SourcesFollower
from router.sources.store import SourceStore
from router.subscriptions.follower import SubscriptionsFollower
from router.subscriptions.store import SubscriptionStore
from tests.api.running_api import EVENT_GRID, TOKEN, served, subscription_path, to_topic, until
from tests.builders import BOX, WORKSPACE
from topics import RESOURCES, SOURCES, SUBSCRIPTIONS, WORKSPACE_EVENTS

pytestmark = pytest.mark.kafka

PARTITIONS = 3


def now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def a_follower(bootstrap_servers: str) -> AsyncIterator[SubscriptionsFollower]:
    follower = SubscriptionsFollower(bootstrap_servers, now)
    await follower.start()
    try:
        yield follower
    finally:
        await follower.stop()


@asynccontextmanager
async def a_server(bootstrap_servers: str) -> AsyncIterator[tuple[httpx.AsyncClient, SubscriptionsFollower]]:
    """The management API as the server composes it."""
    topics = [SUBSCRIPTIONS, SOURCES, RESOURCES, WORKSPACE_EVENTS.with_partitions(PARTITIONS)]
    await ensure_topics(bootstrap_servers, topics)
    async with AsyncExitStack() as cleanup:
        producer = KafkaProducer(bootstrap_servers)
        await producer.start()
        cleanup.push_async_callback(producer.stop)
        follower = await cleanup.enter_async_context(a_follower(bootstrap_servers))
        sources = SourcesFollower(bootstrap_servers, BOX)
        await sources.start()
        cleanup.push_async_callback(sources.stop)
        resources = ResourcesFollower(bootstrap_servers)
        await resources.start()
        cleanup.push_async_callback(resources.stop)
        source_store = SourceStore(producer, sources, BOX, now)
        await source_store.create(WORKSPACE, kind="workspace")
        management = build_management(
            settings=Settings(bootstrap_servers=bootstrap_servers),
            subscriptions=SubscriptionStore(producer, follower),
            sources=source_store,
            resources=ResourceStore(producer, resources),
            box=BOX,
            tokens=Callers(TOKEN),
            now=now,
        )
        _, client = await cleanup.enter_async_context(served(management))
        client.headers["authorization"] = f"Bearer {TOKEN}"
        client.params = httpx.QueryParams({"api-version": EVENT_GRID})
        yield client, follower


def a_name() -> str:
    return f"Live-{uuid4().hex[:8]}"


async def put(client: httpx.AsyncClient, name: str, topic: str | None = None) -> Any:
    return await client.put(subscription_path(name), json={"properties": to_topic(topic or name)})


async def test_when_the_answer_comes_topic_and_subscription_are_there_for_every_process(kafka):
    name = a_name()
    async with a_server(kafka.bootstrap_servers) as (client, _), a_follower(kafka.bootstrap_servers) as worker:
        assert (await put(client, name)).status_code == 201
        counts = await partition_counts(kafka.bootstrap_servers)
        assert counts[f"subscriber.{name}"] == counts[WORKSPACE_EVENTS.name]
        await until(lambda: f"subscriber.{name}" in worker.view.routes.topics)


async def test_a_restarted_server_knows_what_was_created_and_deletes_topics_only_when_told(kafka):
    kept, deleted = a_name(), a_name()
    async with a_server(kafka.bootstrap_servers) as (client, _):
        for name in (kept, deleted):
            await put(client, name)
    async with a_server(kafka.bootstrap_servers) as (client, _):
        listed = await client.get(subscription_path(""))
        assert {kept, deleted} <= {one["name"] for one in listed.json()["value"]}
        assert (await client.delete(subscription_path(kept))).status_code == 202
        assert (await client.delete(subscription_path(deleted), params={"deleteTopic": "true"})).status_code == 202
        for name in (kept, deleted):
            assert (await client.get(subscription_path(name))).status_code == 404
        topics = await partition_counts(kafka.bootstrap_servers)
        assert f"subscriber.{kept}" in topics
        assert f"subscriber.{deleted}" not in topics


async def test_a_topic_that_kafka_refuses_is_refused_in_words_and_nothing_is_stored(kafka):
    name = a_name()
    async with a_server(kafka.bootstrap_servers) as (client, _):
        assert (await put(client, name, f"{name}.topic")).status_code == 201
        # Kafka tells topics apart in its metrics only where `.` and `_` differ otherwise.
        answer = await put(client, f"{name}-2", f"{name}_topic")
        assert answer.status_code == 400
        assert f"subscriber.{name}_topic" in answer.json()["error"]["message"]
        assert (await client.get(subscription_path(f"{name}-2"))).status_code == 404
