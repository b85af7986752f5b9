"""The webhook handler: one HTTP POST with Event Grid's headers (§5.6) and body (§5.7), and what the answer means."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from router.errors import SettingsError
from router.handlers.answer import as_detail, retry_after
from router.handlers.attributes import header_value
from router.handlers.endpoint import Endpoint, Endpoints, client_certificates, header_line
from router.handlers.failures import AnswerError, failure_of
from router.handlers.http_client import HttpClient
from router.handlers.http_connection import HttpAnswer
from router.handlers.oauth import AccessTokens, NoTokenError
from router.handlers.outcome import Delivered, Failed, Outcome, Rejected
from router.handlers.protocol import DeliveryRequest
from router.handlers.safe_address import EndpointPolicy
from router.handlers.signing import signature
from router.handlers.status import last_outcome_of, verdict_of
from router.secrets import SecretBox
from router.settings import Settings
from topics.events import CLOUD_EVENT_BATCH_JSON, CLOUD_EVENT_JSON, EVENT_GRID_JSON
from topics.subscriptions import WebhookSink

EVENT_GRID_ORIGIN: Final = "eventgrid.azure.net"
_EVENT_GRID_LINES: Final = b"Content-Type: %b\r\naeg-data-version: %%b\r\n" % EVENT_GRID_JSON
_CLOUD_EVENT_LINES: Final = b"Content-Type: %b\r\nOrigin: %b\r\n" % (CLOUD_EVENT_JSON, EVENT_GRID_ORIGIN.encode())
_CLOUD_EVENT_BATCH_LINES: Final = b"Content-Type: %b\r\nOrigin: %b\r\n" % (
    CLOUD_EVENT_BATCH_JSON,
    EVENT_GRID_ORIGIN.encode(),
)
_HEADER_VALUE_LIMIT: Final = 1024
_UNAUTHORIZED: Final = 401


class WebhookHandler:
    """Delivers to HTTP endpoints. Every way in which an attempt can end is an outcome; it never raises."""

    def __init__(self, settings: Settings, box: SecretBox, *, now: Callable[[], datetime] | None = None) -> None:
        policy = EndpointPolicy.from_settings(settings)
        self._timeout_seconds = settings.webhook_timeout_seconds
        self._now = now or _utc_now
        self._endpoints = Endpoints(policy, box, client_certificates(settings))
        self._client = HttpClient(policy)
        self._tokens = AccessTokens(self._client, policy, box)

    async def deliver(self, request: DeliveryRequest) -> Outcome:
        """Make one attempt, within the time that one attempt may take, body included (§5.1)."""
        started = time.perf_counter()
        try:
            return await self._attempt(request, started)
        except (SettingsError, NoTokenError) as error:
            return Failed(None, "GenericError", _milliseconds_since(started), str(error))
        except Exception as error:  # noqa: BLE001 (an outcome for each; a handler never raises)
            failure = failure_of(error)
            status = error.status if isinstance(error, AnswerError) else None
            return Failed(status, failure.last_outcome, _milliseconds_since(started), failure.detail)

    async def close(self) -> None:
        """Close the connections that are kept alive."""
        await self._client.close()

    async def _attempt(self, request: DeliveryRequest, started: float) -> Outcome:
        sink = request.sink
        if not isinstance(sink, WebhookSink):
            raise TypeError(sink.kind)
        endpoint = self._endpoints.of(request.subscription, sink)
        oauth, token = sink.oauth, None
        if oauth is None:
            answer = await self._post(endpoint, request, started)
        else:
            token = await self._tokens.get(oauth, self._seconds_left(started))
            answer = await self._post(endpoint, request, started, token)
            if answer.status == _UNAUTHORIZED:
                # A token may be withdrawn before its time; a new one tells that from an endpoint that refuses us.
                self._tokens.forget(oauth, token)
                token = await self._tokens.get(oauth, self._seconds_left(started))
                answer = await self._post(endpoint, request, started, token)
        body = endpoint.without_secrets(answer.body, *(() if token is None else (token,)))
        return self._outcome(answer, as_detail(body), _milliseconds_since(started))

    async def _post(
        self, endpoint: Endpoint, request: DeliveryRequest, started: float, token: str | None = None
    ) -> HttpAnswer:
        body = body_of(request)
        head = endpoint.head + headers_of(endpoint, request, body, self._now())
        if token is not None:
            head += b"Authorization: Bearer %b\r\n" % token.encode()
        return await self._client.send(endpoint.origin, head + b"\r\n" + body, self._seconds_left(started))

    def _seconds_left(self, started: float) -> float:
        return max(0.0, self._timeout_seconds - (time.perf_counter() - started))

    def _outcome(self, answer: HttpAnswer, detail: str, duration_ms: float) -> Outcome:
        status = answer.status
        match verdict_of(status):
            case "delivered":
                return Delivered(status, duration_ms, detail)
            case "rejected":
                return Rejected(status, last_outcome_of(status), duration_ms, detail)
            case "failed":
                asked = answer.headers.get(b"retry-after")
                wait = retry_after(None if asked is None else asked.decode("latin-1"), self._now())
                return Failed(status, last_outcome_of(status), duration_ms, detail, wait)


def body_of(request: DeliveryRequest) -> bytes:
    """Return the body: an array, but for a CloudEvent whose subscription is not batched a bare object (§5.7)."""
    if request.schema == "EventGridSchema" or is_batched(request):
        return b"[" + b",".join(request.events) + b"]"
    return request.events[0]


def is_batched(request: DeliveryRequest) -> bool:
    """Say whether a subscription gets its events in batches, be it of one (§5.5)."""
    return request.sink.max_events_per_batch > 1


def headers_of(endpoint: Endpoint, request: DeliveryRequest, body: bytes, now: datetime) -> bytes:
    """Return those of Event Grid's headers (§5.6), Standard Webhooks' and the subscription's that differ by request."""
    timestamp = int(now.timestamp())
    if request.schema == "EventGridSchema":
        special = _EVENT_GRID_LINES % header_value(request.data_version[:_HEADER_VALUE_LIMIT]).encode()
    else:
        special = _CLOUD_EVENT_BATCH_LINES if is_batched(request) else _CLOUD_EVENT_LINES
    delivery_id = header_value(request.delivery_id)
    lines = b"Content-Length: %d\r\naeg-delivery-count: %d\r\nwebhook-id: %b\r\nwebhook-timestamp: %d\r\n" % (
        len(body),
        request.attempt - 1,
        delivery_id.encode(),
        timestamp,
    )
    signers = endpoint.signers_at(now)
    if signers:
        lines += b"webhook-signature: %b\r\n" % signature(signers, delivery_id, timestamp, body)
    return lines + special + b"".join(header_line(name, value) for name, value in request.attributes)


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)


def _utc_now() -> datetime:
    return datetime.now(UTC)
