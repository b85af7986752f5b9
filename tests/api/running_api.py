"""The management API on a real socket, over memory instead of Kafka; and an endpoint that webhooks can be sent to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Self

import httpx
import uvicorn
from aiohttp import web
from cryptography.fernet import Fernet
from starlette.applications import Starlette

from router.api.management import Management, build_management
from router.credentials import Credentials, Identity, WorkspaceCredentials
from router.identity.callers import Callers
from router.kafka.memory import MemoryProducer, MemoryWriter
from router.resources.store import ResourceStore
from router.resources.view import ResourcesView
from router.secrets import SecretBox
from router.settings import Settings
from router.sources.store import SourceStore
from router.sources.view import SourcesView
from router.subscriptions.store import SubscriptionStore
from router.subscriptions.view import SubscriptionsView
from tests.builders import WORKSPACE, an_access_key
from topics import RESOURCES, SOURCES, SUBSCRIPTIONS, Subscription

TOKEN = "the-token-of-the-administrator"  # noqa: S105 (a test's own)
EVENT_GRID = "2025-02-15"
LIVE = "Succeeded"


class MemoryFollower:
    """Applies what a MemoryProducer was given, when it is asked how far it has read."""

    def __init__(self, producer: MemoryProducer, topic: str, view: Any) -> None:
        self.view = view
        self._producer = producer
        self._topic = topic
        self._next = 0

    async def wait_for(self, offset: int) -> None:
        await asyncio.sleep(0)
        while self._next <= offset:
            message = self._producer.topics[self._topic][self._next]
            self._next += 1
            self.view.apply(message.key or b"", message.value)


class MemoryTopics:
    """Subscriber topics that exist in a set."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    async def ensure(self, name: str) -> None:
        self.names.add(name)

    async def delete(self, name: str) -> None:
        self.names.discard(name)


class Api:
    """A running management API, and what lies below it."""

    def __init__(self, settings: Settings, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.box = SecretBox(Fernet.generate_key().decode())
        self.producer = MemoryProducer()
        self.topics = MemoryTopics()
        follower = MemoryFollower(self.producer, SUBSCRIPTIONS.name, SubscriptionsView())
        self.subscriptions = SubscriptionStore(MemoryWriter(self.producer, SUBSCRIPTIONS.name, follower), follower)
        self.sources = SourceStore(
            self.producer, MemoryFollower(self.producer, SOURCES.name, SourcesView(self.box)), self.box, now
        )
        self.resources = ResourceStore(self.producer, MemoryFollower(self.producer, RESOURCES.name, ResourcesView()))
        self._settings = settings
        self._now = now
        self.url = ""
        self.client: Any = None

    def management(self, tokens: Callers | None = None) -> Management:
        return build_management(
            settings=self._settings,
            subscriptions=self.subscriptions,
            sources=self.sources,
            resources=self.resources,
            box=self.box,
            tokens=tokens or Callers(TOKEN),
            now=self._now,
            subscriber_topics=self.topics,
        )

    async def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str | None = TOKEN,
        version: str | None = EVENT_GRID,
        **query: str,
    ) -> httpx.Response:
        parameters = query | ({} if version is None else {"api-version": version})
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        content = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        return await self.client.request(method, path, params=parameters, headers=headers, **content)

    async def put(self, name: str, properties: Any, **more: Any) -> httpx.Response:
        return await self.call("PUT", subscription_path(name), {"properties": properties}, **more)

    async def get(self, name: str) -> httpx.Response:
        return await self.call("GET", subscription_path(name))

    async def settled(self, answer: httpx.Response) -> dict[str, Any]:
        """Ask what became of an operation until it is over; at the address where the API runs now."""
        asked = httpx.URL(answer.headers["azure-asyncoperation"]).raw_path.decode()
        while True:
            status = await self.client.get(asked, headers={"authorization": f"Bearer {TOKEN}"})
            assert status.status_code == 200, status.text
            if status.json()["status"] != "InProgress":
                return dict(status.json())
            await asyncio.sleep(0.01)

    def stored(self, name: str) -> Subscription | None:
        return self.subscriptions.view.get(subscription_path(name))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition; the test's own time limit ends it."""
    while True:
        if condition():
            return
        await asyncio.sleep(0.01)


def subscription_path(name: str, source: str = WORKSPACE) -> str:
    return f"{source}/providers/Microsoft.EventGrid/eventSubscriptions/{name}"


def to_topic(name: str) -> dict[str, Any]:
    """Properties of a subscription that sends to the topic `subscriber.<name>`."""
    hub = f"/subscriptions/s/resourceGroups/g/providers/Microsoft.EventHub/namespaces/n/eventhubs/{name}"
    return {"destination": {"endpointType": "EventHub", "properties": {"resourceId": hub}}}


def to_webhook(url: str, **more: Any) -> dict[str, Any]:
    """Properties of a subscription that sends to a webhook."""
    return {"destination": {"endpointType": "WebHook", "properties": {"endpointUrl": url, **more}}}


def error_of(answer: Any) -> dict[str, Any]:
    """The error of an answer of ARM."""
    assert answer.headers["content-type"].startswith("application/json")
    return dict(answer.json()["error"])


def credentials_for(server: str, token: str = TOKEN) -> Credentials:
    """Credentials with which the commands reach a server, as `router up` writes them."""
    return Credentials(
        server=server,
        bootstrap_servers="127.0.0.1:1",
        admin_token=token,
        identity=Identity(endpoint=f"{server}/msi/token", header="header"),
        workspace=WorkspaceCredentials(
            resource_id=WORKSPACE, publish_url=f"{server}/api/events", key1=an_access_key(), key2=an_access_key()
        ),
    )


@asynccontextmanager
async def running(api: Api) -> AsyncIterator[Api]:
    """Run an API on a free port, with the local workspace in it."""
    await api.sources.create(WORKSPACE, kind="workspace")
    async with served(api.management()) as (api.url, api.client):
        yield api


@asynccontextmanager
async def served(management: Management) -> AsyncIterator[tuple[str, httpx.AsyncClient]]:
    """Serve a management API on a free port; give its URL and a client."""
    await management.start()
    server = uvicorn.Server(
        uvicorn.Config(Starlette(routes=management.routes), port=0, log_level="warning", lifespan="off", ws="none")
    )
    # Started and stopped by hand: `serve` looks ten times a second whether it shall stop, which tests would wait for.
    server.config.load()
    server.lifespan = server.config.lifespan_class(server.config)
    await server.startup()
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        # A TLS context without certificates: it is not used, and loading them takes most of a test's time.
        async with httpx.AsyncClient(
            base_url=url, timeout=50, verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ) as client:
            yield url, client
    finally:
        await server.shutdown()
        await management.stop()


class Endpoint:
    """A webhook that answers the validation handshake as it is told."""

    def __init__(self) -> None:
        self.confirms = True
        self.held = asyncio.Event()
        self.held.set()
        self.asked: list[dict[str, Any]] = []
        self.url = ""

    async def _answer(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            self.asked.append({"method": "OPTIONS"})
            return web.Response(headers={"WebHook-Allowed-Origin": "*"} if self.confirms else {})
        (event,) = await request.json()
        self.asked.append(event)
        await self.held.wait()
        if not self.confirms:
            return web.Response(status=404)
        return web.json_response({"validationResponse": event["data"]["validationCode"]})

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[Self]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            self.held.set()
            await runner.cleanup()
