"""The publish endpoint (§3.1): a request in; 200 once Kafka has acknowledged every event of it, else a refusal."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import msgspec
import structlog
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from router.credentials import BearerTokens
from router.errors import KafkaUnavailableError, RefusedError
from router.ingress.accept import STRUCTURED, accept
from router.ingress.answers import SuccessAnswer, error_answer, new_request_id, options_answer
from router.ingress.api_version import unsupported_version
from router.ingress.authorize import Claims, authorize
from router.ingress.binary_mode import is_binary_mode, structured
from router.ingress.byte_budget import ByteBudget
from router.ingress.paths import PublishPath, PublishRoute, is_publish_path, read_path
from router.ingress.patience import Within
from router.ingress.refusals import (
    MAX_EVENT_BYTES,
    MAX_REQUEST_BYTES,
    Refusal,
    broken,
    method_not_allowed,
    not_found,
    too_large,
    too_slow,
    unavailable,
)
from router.ingress.request import PublishRequest
from router.kafka.joint_writer import JointWriter
from router.kafka.producer import Producer
from router.kafka.ready_records import ReadyRecord
from router.observability.metrics import Metrics
from router.sources.view import SourcesView
from topics import WORKSPACE_EVENTS, Source

__all__ = ("Limits", "PublishEndpoint", "is_publish_path", "publish_routes")

WRITES_AT_ONCE = 3
"""One in Kafka's hands and two that are whole, so that neither Kafka nor who makes records of events waits."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """How long requests may wait (seconds), and how many bytes of them may be in memory at once."""

    wait_seconds: float = 10.0
    produce_seconds: float = 10.0
    body_seconds: float = 30.0
    memory_bytes: int = 64 * 1024 * 1024
    retry_after_seconds: int = 2


class Accepted(msgspec.Struct, frozen=True):
    """What a request brought: events of one source, all of them in Kafka."""

    source: Source
    events: int
    size: int


def publish_routes(  # noqa: PLR0913 (the endpoint's collaborators)
    *,
    producer: Producer,
    sources: SourcesView,
    tokens: BearerTokens,
    metrics: Metrics,
    now: Callable[[], datetime],
    limits: Limits | None = None,
) -> list[BaseRoute]:
    """Return the route of the publish endpoint; it takes every verb, and answers all but two with 405."""
    return [PublishRoute(PublishEndpoint(producer, sources, tokens, metrics, now, limits or Limits()))]


class PublishEndpoint:
    """The ASGI application behind every publish path."""

    def __init__(  # noqa: PLR0913, PLR0917 (see publish_routes)
        self,
        producer: Producer,
        sources: SourcesView,
        tokens: BearerTokens,
        metrics: Metrics,
        now: Callable[[], datetime],
        limits: Limits,
    ) -> None:
        write = partial(producer.write_ready, WORKSPACE_EVENTS.name)
        self._writer = JointWriter(write, WORKSPACE_EVENTS.name, limits.produce_seconds, WRITES_AT_ONCE)
        self._sources = sources
        self._tokens = tokens
        self._metrics = metrics
        self._now = now
        self._limits = limits
        self._budget = ByteBudget(limits.memory_bytes)
        self._log = log.bind()  # found once: a logger that looks for itself each time costs more than the line

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request_id = new_request_id()
        try:
            answer = await self._answer(PublishRequest(scope, receive), request_id)
        except ClientDisconnect:
            return
        except Exception:
            log.exception("publish.broke", request_id=request_id)
            answer = error_answer(broken(), request_id, self._now())
        await answer(scope, receive, send)

    async def _answer(self, request: PublishRequest, request_id: str) -> ASGIApp:
        path = read_path(request.path)
        addressed = self._addressed(path)
        if path is None or (path.name is not None and addressed is None):
            return error_answer(not_found(request.uri()), request_id, self._now())
        if request.method == "OPTIONS":
            return options_answer(addressed, request_id)
        if request.method != "POST":
            return error_answer(method_not_allowed(request.method), request_id, self._now())
        started = time.perf_counter()
        outcome = await self._publish(request, addressed)
        if isinstance(outcome, Refusal):
            await request.drain()
        seconds = time.perf_counter() - started
        self._metrics.publish_seconds.observe(seconds)
        if isinstance(outcome, Refusal):
            self._metrics.publish_failed.labels(outcome.detail_code).inc()
            log.info("event.refused", status=outcome.status, error=outcome.detail_code, request_id=request_id)
            return error_answer(outcome, request_id, self._now())
        self._metrics.published.inc(outcome.events)
        # One event a request is the hot case: its line is for debugging.
        (self._log.info if outcome.events > 1 else self._log.debug)(
            "event.accepted",
            source=outcome.source.id,
            events=outcome.events,
            bytes=outcome.size,
            duration_ms=round(seconds * 1000, 1),
            request_id=request_id,
        )
        return SuccessAnswer(request_id)

    def _addressed(self, path: PublishPath | None) -> Source | None:
        """Return the source that the path names, if it names one that exists."""
        return self._sources.named(path.kind, path.name) if path and path.name is not None else None

    async def _publish(self, request: PublishRequest, addressed: Source | None) -> Accepted | Refusal:
        refusal = unsupported_version(request.query, request.uri)
        if refusal is not None:
            return refusal
        source = authorize(self._claims(request), addressed, self._sources, self._tokens)
        if isinstance(source, Refusal):
            return source
        size = request.announced_size(unknown=MAX_REQUEST_BYTES)
        if size > MAX_REQUEST_BYTES:
            return too_large(MAX_REQUEST_BYTES)
        try:
            await self._budget.take(size, self._limits.wait_seconds)
        except TimeoutError:
            return unavailable("Too many requests are waiting.", self._limits.retry_after_seconds)
        try:
            return await self._take_in(request, source)
        finally:
            self._budget.give_back(size)

    async def _take_in(self, request: PublishRequest, source: Source) -> Accepted | Refusal:
        """Read the body, make records of it and write them; the budget for the body is held."""
        try:
            body = await Within(self._limits.body_seconds, request.body(MAX_REQUEST_BYTES))
        except TimeoutError:
            return too_slow()
        if body is None:
            return too_large(MAX_REQUEST_BYTES)
        records = _records(request, body, source, self._now())
        if isinstance(records, Refusal):
            return records
        refusal = await self._write(records, len(body))
        return Accepted(source, len(records), len(body)) if refusal is None else refusal

    async def _write(self, records: list[ReadyRecord], size: int) -> Refusal | None:
        if not records:
            return None
        try:
            await self._writer.write(records, size)
        except RefusedError:
            return too_large(MAX_EVENT_BYTES)
        except KafkaUnavailableError:
            return unavailable("The events could not be stored in time.", self._limits.retry_after_seconds)
        return None

    def _claims(self, request: PublishRequest) -> Claims:
        key = request.header(b"aeg-sas-key")
        return Claims(
            host=_host(request.header(b"host") or ""),
            path=request.path,
            now=self._now(),
            sas_key=request.key_in_query() if key is None else key,
            sas_token=request.header(b"aeg-sas-token"),
            authorization=request.header(b"authorization"),
        )


def _host(header: str) -> str:
    """Return the name in the Host header, as Event Grid's records show it: without the port."""
    name, colon, port = header.rpartition(":")
    return name.strip("[]") if colon and port.isdecimal() else f"{name}{colon}{port}".strip("[]")


def _records(
    request: PublishRequest, body: bytes, source: Source, accepted_at: datetime
) -> list[ReadyRecord] | Refusal:
    content_type = request.header(b"content-type") or ""
    if is_binary_mode(request.headers.keys(), content_type):
        lines = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.header_lines]
        event = structured(lines, body)
        return event if isinstance(event, Refusal) else accept(event, STRUCTURED, source, accepted_at)
    return accept(body, content_type, source, accepted_at)
