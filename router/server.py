"""The server: composition root of the control plane and the publish endpoint. It builds every collaborator of both."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import httpx
import structlog
import uvloop
from fastapi import FastAPI
from pydantic import ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send

from router.api.freshness import Freshness
from router.api.identity_routes import IdentityRoutes
from router.credentials import FILE_NAME, Credentials, Identity, WorkspaceCredentials, read_credentials
from router.errors import RouterError, SettingsError
from router.faces import Stores, build_faces
from router.identity.callers import AccessTokens, Callers
from router.identity.certificates import Certificates, ensure_certificates, machine_names
from router.ingress.answers import error_answer, new_request_id
from router.ingress.paths import PublishRoute, is_publish_path
from router.ingress.refusals import Refusal, not_found
from router.ingress.request import uri_of
from router.kafka.admin import ensure_all_topics
from router.kafka.ends import EndOffsets
from router.kafka.exclusive_writer import ExclusiveWriter
from router.kafka.probe import KafkaProbe
from router.kafka.producer import KafkaProducer
from router.observability.health import Check, Health
from router.observability.metrics import Metrics
from router.observability.serving import BackgroundServer, TlsFiles
from router.process_memory import collect_rarely, keep_freed_memory
from router.resources.follower import ResourcesFollower
from router.resources.store import ResourceStore
from router.secrets import SecretBox, new_token, secret_box
from router.settings import Settings
from router.sources.follower import SourcesFollower
from router.sources.resource_ids import LOCAL_WORKSPACE
from router.sources.store import SourceStore
from router.sources.view import AccessKeys
from router.stopping import told_to_stop, unless
from router.subscriptions.follower import SubscriptionsFollower
from router.subscriptions.store import SubscriptionStore
from router.web.browser_guard import BrowserGuard, TrustedHosts
from topics import RESOURCES, SOURCES, SUBSCRIPTIONS

log = structlog.get_logger(__name__)

KAFKA_SECONDS = 20.0
"""How long a server waits for a Kafka that is about to start."""
PRODUCE_SECONDS = 10.0
GRACEFUL_SECONDS = 15
STOP_SECONDS = 5.0

_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}  # noqa: S104 (recognised, not bound)


class Tls(NamedTuple):
    """Where TLS is served, and with which certificates."""

    port: int
    certificates: Certificates


def main(settings: Settings) -> int:
    """Run a server until it is told to stop; return the exit code of the process.

    Raises:
        RouterError: it cannot start.
    """
    keep_freed_memory()
    return uvloop.run(serve(settings))


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT, finish what was accepted, and return 0.

    Raises:
        RouterError: it cannot start: no Kafka in time, a port that is taken, keys that cannot be opened.
    """
    stopping = told_to_stop()
    async with AsyncExitStack() as cleanup:
        await unless(stopping, _start(settings, cleanup))
        await stopping.wait()
        log.info("server.stopping")
    return 0


async def _start(settings: Settings, cleanup: AsyncExitStack) -> None:
    """Build and start everything in order; what was started is stopped by `cleanup` in the opposite order."""
    box, metrics, health = secret_box(settings), Metrics(), Health()
    credentials = CredentialsFile(settings)
    tokens = Callers(credentials.admin_token)
    await _topics_exist(settings)
    stores = await _open_stores(settings, box, health, cleanup)
    keys = await _local_workspace_keys(stores.sources)
    access = AccessTokens(stores.resources, box, _now, (settings.public_url or "",))
    await access.start()
    tokens.trust(access)
    faces = build_faces(
        settings, stores, box, tokens, IdentityRoutes(access, credentials.identity_header), metrics, health, _now
    )
    await faces.management.start()
    cleanup.push_async_callback(_stop, "management", faces.management.stop)
    app = build_server(settings, faces.routes)
    await _require(settings.ready_requires, health, cleanup)
    port = await _listen(app, settings.host, settings.port, cleanup)
    tls = await _listen_with_tls(app, settings, cleanup)
    written = credentials.write(port, keys, tls)
    access.add_audiences(written.server, written.tls_server, *_own_addresses(settings, port, tls))
    stores.sources.view.on_keys_changed(LOCAL_WORKSPACE, credentials.keys_changed)
    await faces.history.start()
    cleanup.push_async_callback(_stop, "history", faces.history.stop)
    collect_rarely()
    log.info("server.started", host=settings.host, port=port, bootstrap_servers=settings.bootstrap_servers)


async def _open_stores(settings: Settings, box: SecretBox, health: Health, cleanup: AsyncExitStack) -> Stores:
    """Connect to Kafka, and follow what it keeps until everything is known."""
    producer = KafkaProducer(settings.bootstrap_servers, timeout_seconds=PRODUCE_SECONDS)
    await producer.start()
    cleanup.push_async_callback(_stop, "producer", producer.stop)
    sources = SourcesFollower(settings.bootstrap_servers, box)
    subscriptions = SubscriptionsFollower(settings.bootstrap_servers, now=_now)
    resources = ResourcesFollower(settings.bootstrap_servers)
    for name, follower in (("sources", sources), ("subscriptions", subscriptions), ("resources", resources)):
        await follower.start()
        cleanup.push_async_callback(_stop, name, follower.stop)
        health.register(name, follower.check)
    health.register("kafka", KafkaProbe(settings.bootstrap_servers).check)
    ends = EndOffsets(settings.bootstrap_servers)
    cleanup.push_async_callback(_stop, "ends", ends.stop)
    writer = ExclusiveWriter(settings.bootstrap_servers, SUBSCRIPTIONS.name, subscriptions, ends)
    cleanup.push_async_callback(_stop, "writer", writer.stop)
    return Stores(
        producer,
        SubscriptionStore(writer, subscriptions),
        SourceStore(producer, sources, box, _now),
        ResourceStore(producer, resources),
        Freshness(ends, {SUBSCRIPTIONS.name: subscriptions, SOURCES.name: sources, RESOURCES.name: resources}),
    )


async def _listen(app: FastAPI, host: str, port: int, cleanup: AsyncExitStack, tls: TlsFiles | None = None) -> int:
    """Serve the application on a port and return it."""
    server = BackgroundServer(app, host, port, graceful_seconds=GRACEFUL_SECONDS, tls=tls)
    port = await server.start()
    cleanup.push_async_callback(server.stop)
    return port


async def _listen_with_tls(app: FastAPI, settings: Settings, cleanup: AsyncExitStack) -> Tls | None:
    """Serve the application with TLS too, when there is a port for it; the certificate is this router's own."""
    if settings.tls_port is None:
        return None
    names = machine_names(settings.host, urlsplit(settings.public_url or "").hostname)
    certificates = ensure_certificates(settings.data_dir, names, _now())
    files = TlsFiles(certificates.server, certificates.key)
    return Tls(await _listen(app, settings.host, settings.tls_port, cleanup, files), certificates)


def _own_addresses(settings: Settings, port: int, tls: Tls | None) -> list[str]:
    """Return the addresses under which clients may know this server: a token may be meant for each."""
    ports = [("http", port)] + ([] if tls is None else [("https", tls.port)])
    hosts = ["localhost", "127.0.0.1", "[::1]", *machine_names(settings.host, None)]
    return [f"{scheme}://{host}:{number}" for scheme, number in ports for host in hosts]


class ServerApp(FastAPI):
    """The application; publish requests, which are most, go past everything that the others need."""

    publish_route: PublishRoute | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if self.publish_route is not None and scope["type"] == "http" and is_publish_path(scope["path"]):
            await self.publish_route.endpoint(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def build_server(settings: Settings, routes: Iterable[BaseRoute], now: Callable[[], datetime] | None = None) -> FastAPI:
    """Return the application that answers at these routes, and refuses everything else in Azure's error shape."""
    clock = now or _now
    # No page of FastAPI's own: it would load its scripts from elsewhere.
    routes = list(routes)
    app = ServerApp(title="workspace-event-router", docs_url=None, redoc_url=None, redirect_slashes=False)
    app.router.routes.extend(routes)
    app.publish_route = next((route for route in routes if isinstance(route, PublishRoute)), None)

    async def refuse(request: Request, error: Exception) -> Response:
        return error_answer(_refusal(request, error), new_request_id(), clock())

    app.add_exception_handler(HTTPException, refuse)
    app.add_exception_handler(Exception, refuse)
    hosts = TrustedHosts(settings.host, settings.public_url)
    app.add_middleware(BrowserGuard, hosts=hosts, is_exempt=is_publish_path)
    return app


def _refusal(request: Request, error: Exception) -> Refusal:
    """Return what to answer instead of what the framework would."""
    match error:
        case HTTPException(status_code=404):
            return not_found(uri_of(request.scope))
        case HTTPException(status_code=status, detail=detail):
            allow = (error.headers or {}).get("Allow")
            return Refusal(status, "MethodNotAllowed", "MethodNotAllowed", detail, has_report=False, allow=allow)
        case RouterError():
            return Refusal(503, "ServiceUnavailable", "ServiceUnavailable", error.message, has_report=False)
        case _:
            return Refusal(500, "InternalServerError", "InternalServerError", "The request failed inside the server.")


class CredentialsFile:
    """credentials.json of this server: what it held before is kept, the workspace's keys are kept up to date (§9)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        former = _former_credentials(settings)
        self.identity_header = former.identity.header if former else new_token()
        given = settings.admin_token.get_secret_value() if settings.admin_token else None
        self.admin_token = given or (former.admin_token if former else new_token())
        self._written: Credentials | None = None

    def write(self, port: int, keys: AccessKeys, tls: Tls | None = None) -> Credentials:
        """Write the file for a server that listens on `port`, and with TLS where `tls` says."""
        host = _ANY_ADDRESS.get(self._settings.host, self._settings.host)
        server = f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{port}"
        return self._write(
            Credentials(
                server=server,
                tls_server=None if tls is None else f"https://localhost:{tls.port}",
                ca_file=None if tls is None else str(tls.certificates.authority.absolute()),
                bootstrap_servers=self._settings.bootstrap_servers,
                admin_token=self.admin_token,
                identity=Identity(endpoint=f"{server}/msi/token", header=self.identity_header),
                workspace=WorkspaceCredentials(
                    resource_id=LOCAL_WORKSPACE, publish_url=f"{server}/api/events", key1=keys.key1, key2=keys.key2
                ),
            )
        )

    def keys_changed(self, keys: AccessKeys) -> None:
        """Write the file again when the local workspace got a new key."""
        if self._written is not None:
            workspace = self._written.workspace.model_copy(update=keys._asdict())
            if workspace != self._written.workspace:
                self._write(self._written.model_copy(update={"workspace": workspace}))

    def _write(self, credentials: Credentials) -> Credentials:
        credentials.write(self._settings.data_dir)
        self._written = credentials
        return credentials


def _former_credentials(settings: Settings) -> Credentials | None:
    try:
        return read_credentials(settings.data_dir)
    except ValidationError as error:
        raise SettingsError(
            f"{settings.data_dir / FILE_NAME} is not what a server wrote: {error.errors()[0]['msg']}",
            hint="Move it away; a new one is made.",
        ) from None


async def _topics_exist(settings: Settings) -> None:
    await ensure_all_topics(
        settings.bootstrap_servers,
        event_partitions=settings.event_partitions,
        replication_factor=settings.replication_factor,
        wait_seconds=KAFKA_SECONDS,
    )


async def _local_workspace_keys(store: SourceStore) -> AccessKeys:
    """Return the keys of the local workspace, which is made when it is missing."""
    workspace = store.view.get(LOCAL_WORKSPACE) or await store.create(LOCAL_WORKSPACE)
    return store.view.keys(workspace)


async def _require(urls: Iterable[str], health: Health, cleanup: AsyncExitStack) -> None:
    """Make readiness depend on others: each URL must answer 200."""
    client = httpx.AsyncClient(timeout=1.0, trust_env=False)
    cleanup.push_async_callback(client.aclose)
    for url in urls:
        health.register(url, _answers(client, url))


def _answers(client: httpx.AsyncClient, url: str) -> Check:
    async def check() -> str | None:
        try:
            status = (await client.get(url)).status_code
        except httpx.HTTPError as error:
            return type(error).__name__
        return None if status == httpx.codes.OK else f"answers {status}"

    return check


async def _stop(name: str, stop: Callable[[], Awaitable[None]]) -> None:
    """Stop one part, but do not wait for ever: Kafka may be gone."""
    try:
        await asyncio.wait_for(stop(), STOP_SECONDS)
    except TimeoutError:
        log.warning("server.stop_timed_out", part=name)


def _now() -> datetime:
    return datetime.now(UTC)
