"""A custom input schema from end to end: published, routed by its mapping, delivered as it was published (§2.4)."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from aiokafka import AIOKafkaConsumer

from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from tests.receivers import Received, Receiver, a_receiver
from tests.servers import ServerProcess
from tests.workers import WorkerProcess

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

VERSION = {"api-version": "2025-02-15"}
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
TOPIC = f"{GROUP}/providers/Microsoft.EventGrid/topics/orders"
MAPPING = {"id": {"sourceField": "orderId"}, "eventType": {"sourceField": "kind"}, "subject": {"sourceField": "buyer"}}
WEBHOOKS = {"ROUTER_WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8", "ROUTER_WEBHOOK_ALLOW_HTTP": "true"}
ORDER = b'{"orderId": 17, "kind":"Placed",  "buyer": "customers/5", "total": 12.50, "note": "gr\\u00fc\xc3\x9fe"}'
"""With bytes that a parser and a writer would not give back."""
REFUND = b'{"orderId": 18, "kind": "Refunded", "buyer": "customers/5"}'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    """A server with the custom topic `orders`, a worker, and a Kafka of their own."""
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(tmp_path_factory.mktemp("kafka"), port=0, short_lived=True))
    await kafka.start()
    data_dir = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as environment:
        for name, value in WEBHOOKS.items():
            environment.setenv(name, value)
        started = ServerProcess(kafka, data_dir)
        worker = WorkerProcess(kafka.bootstrap_servers, data_dir, "custom-schema", stages="fanout,delivery")
        try:
            await started.start()
            await worker.start().ready()
            started.client.headers["authorization"] = f"Bearer {started.credentials['admin_token']}"
            schema = {"inputSchemaMappingType": "Json", "properties": MAPPING}
            body = {"inputSchema": "CustomEventSchema", "inputSchemaMapping": schema}
            await put(started, TOPIC, {"location": "local", "properties": body})
            yield started
            assert await started.stop() == 0
        finally:
            worker.end()
            await started.client.aclose()
            kafka.kill()


async def put(server: ServerProcess, path: str, body: dict[str, Any]) -> Any:
    answer = await server.client.put(path, json=body, params=VERSION)
    assert answer.status_code == 201, answer.text
    return answer.json()["properties"]


async def subscribe(server: ServerProcess, name: str, destination: dict[str, Any], **properties: Any) -> Any:
    """Make a subscription to placed orders, wait until it is there, and return what the API shows of it."""
    path = f"{TOPIC}/providers/Microsoft.EventGrid/eventSubscriptions/{name}"
    only_placed = {"includedEventTypes": ["Placed"]}
    await put(server, path, {"properties": {"destination": destination, "filter": only_placed, **properties}})
    async with asyncio.timeout(60):
        while True:
            shown = (await server.client.get(path, params=VERSION)).json()["properties"]
            if shown["provisioningState"] == "Succeeded":
                return shown
            assert shown["provisioningState"] != "Failed", shown
            await asyncio.sleep(0.1)


def webhook(receiver: Receiver) -> dict[str, Any]:
    return {"endpointType": "WebHook", "properties": {"endpointUrl": receiver.url}}


def topic(name: str) -> dict[str, Any]:
    hub = f"{GROUP}/providers/Microsoft.EventHub/namespaces/local/eventhubs/{name}"
    return {"endpointType": "EventHub", "properties": {"resourceId": hub}}


async def publish(server: ServerProcess, *events: bytes) -> None:
    keys = (await server.client.post(f"{TOPIC}/listKeys", params=VERSION)).json()
    content = b"[" + b", ".join(events) + b"]"
    answer = await server.client.post(
        "/topics/orders/api/events", content=content, headers={"aeg-sas-key": keys["key1"]}
    )
    assert answer.status_code == 200, answer.text


async def confirm(received: Received) -> web.StreamResponse:
    """Confirm a handshake, take an event."""
    if received.headers["aeg-event-type"] != "SubscriptionValidation":
        return web.Response()
    return web.json_response({"validationResponse": received.json[0]["data"]["validationCode"]})


async def first_record(server: ServerProcess, name: str) -> Any:
    consumer = AIOKafkaConsumer(
        name, bootstrap_servers=server.kafka.bootstrap_servers, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        async with asyncio.timeout(60):
            return await consumer.getone()
    finally:
        await consumer.stop()


async def test_a_webhook_and_a_topic_get_the_bytes_that_were_published_unless_they_ask_for_another_schema(server):
    async with a_receiver(then=confirm) as plain, a_receiver(then=confirm) as wrapped:
        assert (await subscribe(server, "plain", webhook(plain)))["eventDeliverySchema"] == "CustomInputSchema"
        assert (await subscribe(server, "kept", topic("kept")))["eventDeliverySchema"] == "CustomInputSchema"
        shown = await subscribe(server, "wrapped", webhook(wrapped), eventDeliverySchema="EventGridSchema")
        assert shown["eventDeliverySchema"] == "EventGridSchema"
        await publish(server, REFUND, ORDER)  # the first one passes no filter
        delivered = (await plain.wait_for(2))[1]
        envelope = (await wrapped.wait_for(2))[1].json
        record = await first_record(server, "subscriber.kept")
    assert delivered.body == b"[" + ORDER + b"]"
    assert delivered.headers["aeg-event-type"] == "Notification"
    assert (record.value, record.key) == (ORDER, b"customers/5")
    assert {"ce_id": b"17", "ce_type": b"Placed", "ce_source": TOPIC.encode()}.items() <= dict(record.headers).items()
    assert envelope[0]["data"] == json.loads(ORDER)
    assert (envelope[0]["id"], envelope[0]["eventType"], envelope[0]["topic"]) == ("17", "Placed", TOPIC)
