"""Real server processes for tests, against a Kafka that the test may kill."""

import asyncio
import contextlib
import json
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition

from router.kafka.embedded.broker import EmbeddedKafka
from router.kafka.embedded.ports import free_port
from tests.builders import an_event
from topics import WORKSPACE_EVENTS


class ServerProcess:
    """`router server` on a free port, with a data directory of its own, and with TLS on another one if that is asked for."""

    def __init__(self, kafka: EmbeddedKafka, data_dir: Path, *, tls: bool = False) -> None:
        self.kafka = kafka
        self.data_dir = data_dir
        self.port = free_port()
        self._tls = ["--tls-port", str(free_port(apart_from=self.port))] if tls else []
        self.client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", timeout=20, trust_env=False)
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        command = [sys.executable, "-m", "router", "server", "--port", str(self.port), "--data-dir", str(self.data_dir)]
        command += ["--bootstrap-servers", self.kafka.bootstrap_servers, *self._tls]
        self._process = await asyncio.create_subprocess_exec(*command)
        await self.wait_until_ready()

    async def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self._process.wait(), 60)

    async def is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return (await self.client.get("/readyz")).status_code == 200
        return False

    async def wait_until_ready(self, *, wanted: bool = True) -> None:
        async with asyncio.timeout(100):
            while await self.is_ready() is not wanted:
                assert self._process.returncode is None
                await asyncio.sleep(0.1)

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def credentials(self) -> dict[str, Any]:
        return json.loads((self.data_dir / "credentials.json").read_text())

    async def publish(self, *ids: str) -> int:
        """Publish events and return the status; 0 when there was no answer."""
        key = {"aeg-sas-key": self.credentials["workspace"]["key1"]}
        events = [an_event(id=name, subject=f"models/{name}") for name in ids]
        try:
            return (await self.client.post("/api/events", json=events, headers=key)).status_code
        except httpx.TransportError:
            return 0

    async def stored(self) -> dict[str, list[Any]]:
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
