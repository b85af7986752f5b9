"""The publish endpoint on a real socket, over memory instead of Kafka."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx

from router.credentials import BearerTokens
from router.ingress.http import Limits, publish_routes
from router.kafka.memory import MemoryProducer
from router.kafka.producer import Message, Position
from router.observability.metrics import Metrics
from router.observability.serving import BackgroundServer
from router.server import build_server
from router.settings import Settings
from tests.builders import WORKSPACE, a_box, a_source, a_sources_view, an_access_key
from topics import WORKSPACE_EVENTS

ADMIN_TOKEN = "the-token-of-the-administrator"  # noqa: S105 (of this test)


class SlowProducer(MemoryProducer):
    """Acknowledges once it is told to; `waiting` is set when somebody waits for that."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = asyncio.Event()
        self.acknowledge = asyncio.Event()

    async def send_all(self, topic: str, messages: Iterable[Message]) -> list[Position]:
        self.waiting.set()
        await self.acknowledge.wait()
        return await super().send_all(topic, messages)


class Publishing:
    """A running endpoint with two workspaces, `local` and `other`, the custom topics `clouds` (CloudEvents) and `orders`."""

    def __init__(self, producer: MemoryProducer, url: str, metrics: Metrics, server: BackgroundServer) -> None:
        self.producer = producer
        self.url = url
        self.metrics = metrics
        self.server = server
        self.client = httpx.AsyncClient(base_url=url, timeout=20, trust_env=False)

    @property
    def messages(self) -> list[Message]:
        """What was written to workspace.events."""
        return self.producer.topics[WORKSPACE_EVENTS.name]

    async def post(self, body: Any, path: str = "/api/events", **headers: str | None) -> httpx.Response:
        """Publish with the first key of the local workspace, unless the headers say otherwise; None leaves one out."""
        given = {"aeg-sas-key": an_access_key(), "content-type": "application/json"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = {"content": body} if isinstance(body, bytes) or hasattr(body, "__aiter__") else {"json": body}
        return await self.client.post(path, headers={n: v for n, v in given.items() if v is not None}, **content)


@asynccontextmanager
async def publishing(producer: MemoryProducer | None = None, limits: Limits | None = None) -> AsyncIterator[Publishing]:
    """Run a publish endpoint."""
    box, metrics, producer = a_box(), Metrics(), producer or MemoryProducer()
    clouds = a_source(
        "clouds",
        box,
        kind="custom-topic",
        id=WORKSPACE.replace("Microsoft.MachineLearningServices/workspaces/local", "Microsoft.EventGrid/topics/clouds"),
        input_schema="CloudEventSchemaV1_0",
    )
    orders = a_source(
        "orders",
        box,
        kind="custom-topic",
        id=clouds.id.replace("clouds", "orders"),
        input_schema="CustomEventSchema",
        input_schema_mapping={
            "properties": {
                "id": {"sourceField": "myId"},
                "eventType": {"sourceField": "kind"},
                "subject": {"sourceField": "about"},
            }
        },
    )
    routes = publish_routes(
        producer=producer,
        sources=a_sources_view(a_source(box=box), a_source("other", box), clouds, orders, box=box),
        tokens=BearerTokens(ADMIN_TOKEN),
        metrics=metrics,
        now=lambda: datetime.now(UTC),
        limits=limits,
    )
    server = BackgroundServer(build_server(Settings(), routes), "127.0.0.1", 0)
    running = Publishing(producer, f"http://127.0.0.1:{await server.start()}", metrics, server)
    try:
        yield running
    finally:
        await running.client.aclose()
        await server.stop()
