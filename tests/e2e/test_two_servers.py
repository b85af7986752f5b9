"""Two server processes over one Kafka: what one has answered the other one knows, whoever is away or killed meanwhile."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from router.secrets import new_token
from tests.api.running_api import subscription_path, to_topic
from tests.servers import ServerProcess

pytestmark = [pytest.mark.kafka, pytest.mark.long, pytest.mark.timeout(240)]

VERSION = {"api-version": "2025-02-15"}
SECRET_KEY = "ZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY="  # noqa: S105 (a test's own)
COUNTER = subscription_path("counter")


@pytest.fixture
async def servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[ServerProcess]]:
    monkeypatch.setenv("ROUTER_ADMIN_TOKEN", new_token())
    monkeypatch.setenv("ROUTER_SECRET_KEY", SECRET_KEY)
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(tmp_path / "kafka", port=0))
    await kafka.start()
    started = [ServerProcess(kafka, tmp_path / name) for name in ("one", "other")]
    try:
        for server in started:
            await server.start()
            server.client.headers["authorization"] = f"Bearer {server.credentials['admin_token']}"
            server.client.params = httpx.QueryParams(VERSION)
        yield started
        for server in started:
            with suppress(ProcessLookupError):
                await server.stop()
    finally:
        for server in started:
            await server.client.aclose()
        kafka.kill()


async def label(client: httpx.AsyncClient) -> int:
    return int((await client.get(COUNTER)).json()["properties"]["labels"][0])


async def write(client: httpx.AsyncClient, number: int) -> int:
    """Write a number, and return the status; 0 when the server is gone."""
    try:
        return (await client.patch(COUNTER, json={"labels": [str(number)]})).status_code
    except httpx.TransportError:
        return 0


async def test_what_one_server_has_answered_the_other_one_knows_whoever_dies_meanwhile(servers: list[ServerProcess]):
    one, other = (server.client for server in servers)
    made = await one.put(COUNTER, json={"properties": to_topic("counter") | {"labels": ["0"]}})
    assert made.status_code == 201, made.text
    for number in range(1, 11):
        await check_turns(one, other, number)
    await check_kafka_away(servers)
    await check_turns(one, other, 12)
    await check_turns(one, other, 13)
    await check_killed_writer(servers)


async def check_turns(one: httpx.AsyncClient, other: httpx.AsyncClient, number: int) -> None:
    writer, reader = (one, other) if number % 2 else (other, one)
    assert await write(writer, number) == 201
    assert await label(reader) == number


async def check_kafka_away(servers: list[ServerProcess]) -> None:
    """Writes are refused and reads answered while Kafka is away; both go on when it is back."""
    kafka, client = servers[0].kafka, servers[0].client
    kafka.kill()
    await kafka.wait()
    assert await write(client, 11) == 503
    assert await label(client) == 10
    await kafka.start()
    for server in servers:
        await server.wait_until_ready()
        assert await write(server.client, 11) == 201


async def check_killed_writer(servers: list[ServerProcess]) -> None:
    """What the killed server has answered the other one has, and goes on from it."""
    one, other = (server.client for server in servers)
    acknowledged, writing = 13, asyncio.Event()

    async def write_until_killed() -> None:
        nonlocal acknowledged
        while await write(one, acknowledged + 1) == 201:
            acknowledged += 1
            writing.set()

    writes = asyncio.create_task(write_until_killed())
    await writing.wait()
    os.kill(servers[0].process_id, signal.SIGKILL)
    await writes
    # The write under way may have been committed, too.
    assert await label(other) in (acknowledged, acknowledged + 1)
    assert await write(other, 1000) == 201
    assert await label(other) == 1000
