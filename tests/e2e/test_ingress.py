"""`router server` as a process, against a Kafka of its own: publish, kill Kafka, stop, start again."""

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition

from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from router.kafka.embedded.ports import free_port
from tests.builders import WORKSPACE, an_event
from topics import WORKSPACE_EVENTS

pytestmark = [pytest.mark.kafka, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]


class ServerProcess:
    """`router server` on a free port, with a data directory of its own."""

    def __init__(self, kafka: EmbeddedKafka, data_dir: Path) -> None:
        self.kafka = kafka
        self.data_dir = data_dir
        self.port = free_port()
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=20, trust_env=False)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "router", "server", "--port", str(self.port), "--data-dir", str(self.data_dir)]
        command += ["--bootstrap-servers", self.kafka.bootstrap_servers]
        self._process = await asyncio.create_subprocess_exec(*command)
        await self.wait_until_ready()

    async def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 30)

    async def is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return (await self.client.get("/readyz")).status_code == 200
        return False

    async def wait_until_ready(self, *, wanted: bool = True) -> None:
        async with asyncio.timeout(60):
            while await self.is_ready() is not wanted:
                assert self._process.returncode is None
                await asyncio.sleep(0.1)

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def credentials(self) -> dict:
        return json.loads((self.data_dir / "credentials.json").read_text())

    async def publish(self, *ids: str) -> int:
        """Publish events and return the status; 0 when there was no answer."""
        key = {"aeg-sas-key": self.credentials["workspace"]["key1"]}
        events = [an_event(id=name, subject=f"models/{name}") for name in ids]
        try:
            return (await self.client.post("/api/events", json=events, headers=key)).status_code
        except httpx.TransportError:
            return 0

    async def stored(self) -> dict[str, list]:
        """Return every record of workspace.events by the id in its headers."""
        partitions = [TopicPartition(WORKSPACE_EVENTS.name, n) for n in range(WORKSPACE_EVENTS.partitions)]
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap_servers, enable_auto_commit=False)
        await consumer.start()
        try:
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            ends, records = await consumer.end_offsets(partitions), {}
            while any([await consumer.position(partition) < end for partition, end in ends.items()]):
                for batch in (await consumer.getmany(timeout_ms=500)).values():
                    for record in batch:
                        records.setdefault(dict(record.headers)["ce_id"].decode(), []).append(record)
            return records
        finally:
            await consumer.stop()


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


async def test_what_the_azure_sdk_publishes_is_read_back_as_it_was_sent(server):
    eventgrid = pytest.importorskip("azure.eventgrid")
    credentials = pytest.importorskip("azure.core.credentials")
    messaging = pytest.importorskip("azure.core.messaging")
    workspace = server.credentials["workspace"]
    grid = [eventgrid.EventGridEvent(f"models/é:{n}", "t", {"n": n}, "2") for n in range(3)]
    cloud = [
        messaging.CloudEvent(WORKSPACE, "t", data={"n": 1}, subject="s"),
        messaging.CloudEvent("/me", "t", data=b"\xff"),
    ]

    def send() -> None:
        client = eventgrid.EventGridPublisherClient(
            workspace["publish_url"], credentials.AzureKeyCredential(workspace["key2"])
        )
        client.send(grid)
        client.send(cloud)
        client.close()

    await asyncio.to_thread(send)
    stored = await server.stored()
    for sent in grid:
        record = stored[str(sent.id)][0]
        assert record.key == sent.subject.encode()
        assert eventgrid.EventGridEvent.from_dict(json.loads(record.value)).data == sent.data
    for sent in cloud:
        record = stored[sent.id][0]
        again = messaging.CloudEvent.from_dict(json.loads(record.value))
        assert (again.source, again.type, again.subject, again.data, again.time) == (
            sent.source,
            sent.type,
            sent.subject,
            sent.data,
            sent.time,
        )


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
