"""The management API over a real Kafka: what it answers holds on the broker, in other processes and after a restart."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import httpx
import pytest

from router.api.freshness import Freshness
from router.api.management import build_management
from router.identity.callers import Callers
from router.kafka.admin import ensure_topics, partition_counts
from router.kafka.ends import EndOffsets
from router.kafka.exclusive_writer import ExclusiveWriter
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
        ends = EndOffsets(bootstrap_servers)
        cleanup.push_async_callback(ends.stop)
        writer = ExclusiveWriter(bootstrap_servers, SUBSCRIPTIONS.name, follower, ends)
        cleanup.push_async_callback(writer.stop)
        followers = {SUBSCRIPTIONS.name: follower, SOURCES.name: sources, RESOURCES.name: resources}
        management = build_management(
            settings=Settings(bootstrap_servers=bootstrap_servers),
            subscriptions=SubscriptionStore(writer, follower),
            sources=source_store,
            resources=ResourceStore(producer, resources),
            box=BOX,
            tokens=Callers(TOKEN),
            now=now,
            freshness=Freshness(ends, followers),
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


ROUNDS = 15


async def count_up(client: httpx.AsyncClient, path: str) -> None:
    """Add one to the number that a label is: read, and written on condition, until nobody was faster."""
    status = 412
    while status == 412:
        read = await client.get(path)
        number = int(read.json()["properties"]["labels"][0]) + 1
        answer = await client.patch(path, json={"labels": [str(number)]}, headers={"if-match": read.headers["etag"]})
        status = answer.status_code
    assert status == 201, answer.text


async def test_of_two_users_on_two_servers_neither_overwrites_what_they_have_not_read(kafka):
    path = subscription_path(a_name())
    async with a_server(kafka.bootstrap_servers) as (one, _), a_server(kafka.bootstrap_servers) as (other, _):
        body = {"properties": to_topic("counted") | {"labels": ["0"]}}
        assert (await one.put(path, json=body)).status_code == 201

        async def user(client: httpx.AsyncClient) -> None:
            for _ in range(ROUNDS):
                await count_up(client, path)

        await asyncio.gather(user(one), user(other))
        for client in (one, other):
            assert (await client.get(path)).json()["properties"]["labels"] == [str(2 * ROUNDS)]


async def test_changes_of_different_members_at_once_on_two_servers_are_both_kept(kafka):
    path = subscription_path(a_name())
    async with a_server(kafka.bootstrap_servers) as (one, _), a_server(kafka.bootstrap_servers) as (other, _):
        assert (await one.put(path, json={"properties": to_topic("both")})).status_code == 201
        for number in range(1, 6):
            answers = await asyncio.gather(
                one.patch(path, json={"labels": [str(number)]}),
                other.patch(path, json={"retryPolicy": {"maxDeliveryAttempts": number}}),
            )
            assert [answer.status_code for answer in answers] == [201, 201]
            shown = (await other.get(path)).json()["properties"]
            assert (shown["labels"], shown["retryPolicy"]["maxDeliveryAttempts"]) == ([str(number)], number)


async def test_what_one_server_has_answered_the_other_one_knows(kafka):
    path = subscription_path(a_name())
    async with a_server(kafka.bootstrap_servers) as (one, _), a_server(kafka.bootstrap_servers) as (other, _):
        assert (await one.put(path, json={"properties": to_topic("fresh")})).status_code == 201
        assert (await other.get(path)).status_code == 200
        for number in range(20):
            writer, reader = (one, other) if number % 2 else (other, one)
            assert (await writer.patch(path, json={"labels": [str(number)]})).status_code == 201
            assert (await reader.get(path)).json()["properties"]["labels"] == [str(number)]
        assert (await one.delete(path)).status_code == 202
        assert (await other.get(path)).status_code == 404
        assert path not in [found["id"] for found in (await other.get(subscription_path(""))).json()["value"]]


async def test_many_at_once_on_two_servers_are_all_there(kafka):
    prefix = a_name()
    async with a_server(kafka.bootstrap_servers) as (one, _), a_server(kafka.bootstrap_servers) as (other, _):
        turns = asyncio.Semaphore(20)

        async def create(number: int) -> int:
            async with turns:
                return (await put((one, other)[number % 2], f"{prefix}-{number}", f"{prefix}-many")).status_code

        assert set(await asyncio.gather(*map(create, range(100)))) == {201}
        for client in (one, other):
            found = (await client.get(subscription_path(""), params={"$filter": f"contains(name, '{prefix}')"})).json()
            assert len(found["value"]) == 100
