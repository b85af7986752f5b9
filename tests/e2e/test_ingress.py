"""`router server` as a process, against a Kafka of its own: publish, kill Kafka, stop, start again."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from tests.builders import WORKSPACE, an_event
from tests.servers import ServerProcess

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """A server and a Kafka that nobody else uses, so that it may be killed."""
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(tmp_path_factory.mktemp("kafka"), port=0))
    await kafka.start()
    started = ServerProcess(kafka, tmp_path_factory.mktemp("data"))
    try:
        await started.start()
        yield started
        assert await started.stop() == 0
    finally:
        await started.client.aclose()
        kafka.kill()


async def test_a_published_event_is_on_the_topic_when_the_answer_comes(server):
    assert await server.publish("one") == 200
    record = (await server.stored())["one"][0]
    assert (record.key, json.loads(record.value)) == (b"models/one", an_event(id="one", subject="models/one"))
    assert dict(record.headers)["ce_source"] == WORKSPACE.encode()


async def test_a_key_is_made_anew_without_a_gap(server):
    before, statuses, done = server.credentials, [], asyncio.Event()

    async def publish_on() -> None:
        while not done.is_set():
            key = {"aeg-sas-key": before["workspace"]["key2"]}
            statuses.append((await server.client.post("/api/events", json=[an_event()], headers=key)).status_code)

    publisher = asyncio.create_task(publish_on())
    bearer = {"authorization": f"Bearer {before['admin_token']}"}
    url = f"{WORKSPACE}/regenerateKey?api-version=2024-10-01"
    answer = await server.client.post(url, json={"keyName": "key1"}, headers=bearer)
    done.set()
    await publisher
    assert set(statuses) == {200}
    assert server.credentials["workspace"]["key1"] == answer.json()["key1"] != before["workspace"]["key1"]
    old = {"aeg-sas-key": before["workspace"]["key1"]}
    assert (await server.client.post("/api/events", json=[an_event()], headers=old)).status_code == 401
    assert await server.publish("with-the-new-key") == 200


async def test_a_restart_keeps_keys_and_token_and_loses_nothing(server):
    before = server.credentials
    accepted, flowing, stopping = [], asyncio.Event(), asyncio.Event()

    async def publish_on() -> None:
        number = 0
        while not stopping.is_set():
            number += 1
            if await server.publish(f"restart-{number}") == 200:
                accepted.append(f"restart-{number}")
            if len(accepted) == 20:
                flowing.set()

    publishers = asyncio.create_task(publish_on())
    await flowing.wait()
    assert await server.stop() == 0
    await server.start()
    stopping.set()
    await publishers
    assert server.credentials == before
    assert set(accepted) <= set(await server.stored())


async def test_when_kafka_is_killed_the_server_says_so_and_comes_back_by_itself(server):
    server.kafka.kill()
    await server.kafka.wait()
    await server.wait_until_ready(wanted=False)
    assert await server.publish("nobody") == 503
    await server.kafka.start()
    await server.wait_until_ready()
    assert await server.publish("again", "and-again") == 200
    assert {"again", "and-again"} <= set(await server.stored())


async def test_a_page_from_elsewhere_cannot_use_it(server):
    token = {"authorization": f"Bearer {server.credentials['admin_token']}"}
    assert (await server.client.get(f"{WORKSPACE}?api-version=2025-02-15", headers=token)).status_code != 403
    for headers in ({"host": "evil.test"}, {"origin": "http://evil.test"}):
        assert (await server.client.get(WORKSPACE, headers=token | headers)).status_code == 403
