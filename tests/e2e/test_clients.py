"""Clients that nobody here wrote publish to a real server on a real Kafka, and their events stand there as they were sent."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from tests.builders import WORKSPACE
from tests.clients import python
from tests.clients.expected import REFUSALS, Endpoints, check
from tests.clients.programs import run_go_client, run_java_client, run_node_client
from tests.servers import ServerProcess

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

VERSION = {"api-version": "2025-02-15"}
TOPICS = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/Microsoft.EventGrid/topics"
MAPPING = {"id": {"sourceField": "myId"}, "eventType": {"sourceField": "kind"}, "subject": {"sourceField": "about"}}
CUSTOM_TOPICS = {
    "clouds": {"inputSchema": "CloudEventSchemaV1_0"},
    "orders": {
        "inputSchema": "CustomEventSchema",
        "inputSchemaMapping": {"inputSchemaMappingType": "Json", "properties": MAPPING},
    },
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """A server with TLS and the custom topics `clouds` and `orders`, and a Kafka of its own."""
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(tmp_path_factory.mktemp("kafka"), port=0, short_lived=True))
    await kafka.start()
    started = ServerProcess(kafka, tmp_path_factory.mktemp("data"), tls=True)
    try:
        await started.start()
        started.client.headers["authorization"] = f"Bearer {started.credentials['admin_token']}"
        for name, properties in CUSTOM_TOPICS.items():
            body = {"location": "local", "properties": properties}
            made = await started.client.put(f"{TOPICS}/{name}", json=body, params=VERSION)
            assert made.status_code == 201, made.text
        yield started
        assert await started.stop() == 0
    finally:
        await started.client.aclose()
        kafka.kill()


async def given(server: ServerProcess, *, tls: bool = False) -> Endpoints:
    """Return what a client is given."""
    keys = [
        (await server.client.post(f"{TOPICS}/{name}/listKeys", params=VERSION)).json()["key1"] for name in CUSTOM_TOPICS
    ]
    found = server.credentials
    workspace = found["workspace"]
    url = found["tls_server"] if tls else found["server"]
    return Endpoints(url, workspace["key1"], workspace["key2"], *keys, ca_file=found["ca_file"])


async def check_stored(server: ServerProcess, language: str) -> None:
    """Compare what is on workspace.events with what was sent; each event stands there once."""
    records = {name: found for name, found in (await server.stored()).items() if name.startswith(f"{language}-")}
    assert {len(found) for found in records.values()} == {1}
    assert not any("refused" in name for name in records)
    for found in records.values():
        event = json.loads(found[0].value)
        assert found[0].key == event.get("subject", event.get("source")).encode()
    events = {name: json.loads(found[0].value) for name, found in records.items()}
    check(events, language, topic=WORKSPACE, orders=f"{TOPICS}/orders")


async def test_the_python_sdk(server):
    endpoints = await given(server)
    answer = await asyncio.to_thread(asyncio.run, python.publish(python.synchronous, "python", endpoints))
    assert answer["errors"] == REFUSALS
    await check_stored(server, "python")


async def test_the_asynchronous_python_sdk(server):
    answer = await python.publish(python.asynchronous, "async", await given(server))
    assert answer["errors"] == REFUSALS
    await check_stored(server, "async")


@pytest.mark.parametrize(
    ("language", "run"),
    [
        pytest.param("node", run_node_client, marks=pytest.mark.npm),
        pytest.param("java", run_java_client, marks=[pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]),
        pytest.param("go", run_go_client, marks=[pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]),
    ],
)
async def test_the_sdk_of_another_language(server: ServerProcess, language: str, run: Callable[[Endpoints], Any]):
    # The SDKs of Java and Go send keys over TLS only.
    endpoints = await given(server, tls=language != "node")
    answer = await asyncio.to_thread(run, endpoints)
    assert answer["errors"] == REFUSALS
    await check_stored(server, language)
