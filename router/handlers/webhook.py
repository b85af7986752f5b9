"""The webhook handler: one HTTP POST with Event Grid's headers (§5.6) and body (§5.7), and what the answer means."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from aiohttp import ClientResponse, ClientSession
from yarl import URL

from router.errors import SettingsError
from router.handlers.answer import as_detail, read_body, retry_after
from router.handlers.failures import failure_of
from router.handlers.outcome import Delivered, Failed, Outcome, Rejected
from router.handlers.protocol import DeliveryRequest
from router.handlers.safe_address import EndpointPolicy, check_endpoint_url
from router.handlers.session import new_session
from router.handlers.status import last_outcome_of, verdict_of
from router.secrets import SecretBox
from router.settings import Settings
from topics.events import CLOUD_EVENT_JSON, EVENT_GRID_JSON

EVENT_GRID_ORIGIN: Final = "eventgrid.azure.net"
METADATA_VERSION: Final = "1"
_URLS_KEPT: Final = 4096
_HEADER_VALUE_LIMIT: Final = 1024


class WebhookHandler:
    """Delivers to HTTP endpoints. Every way in which an attempt can end is an outcome; it never raises."""

    def __init__(self, settings: Settings, box: SecretBox, *, now: Callable[[], datetime] | None = None) -> None:
        self._policy = EndpointPolicy.from_settings(settings)
        self._timeout_seconds = settings.webhook_timeout_seconds
        self._box = box
        self._now = now or _utc_now
        # Opening a sealed URL costs more than the rest of a request's preparation.
        self._endpoint = lru_cache(_URLS_KEPT)(self._open_endpoint)
        self._session: ClientSession | None = None

    async def deliver(self, request: DeliveryRequest) -> Outcome:
        """Make one attempt, within the time that one attempt may take, body included (§5.1)."""
        started = time.perf_counter()
        try:
            url = self._endpoint(request.sink.sealed_endpoint_url)
            async with asyncio.timeout(self._timeout_seconds):
                return await self._post(url, request, started)
        except SettingsError as error:
            return Failed(None, "GenericError", _milliseconds_since(started), error.message)
        except Exception as error:  # noqa: BLE001 (an outcome for each; a handler never raises)
            failure = failure_of(error)
            return Failed(None, failure.last_outcome, _milliseconds_since(started), failure.detail)

    async def close(self) -> None:
        """Close the connections that are kept alive."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, url: URL, request: DeliveryRequest, started: float) -> Outcome:
        if self._session is None:
            self._session = new_session(self._policy)
        async with self._session.post(
            url,
            data=body_of(request),
            headers=headers_of(request, self._now()),
            allow_redirects=False,
        ) as response:
            try:
                detail = as_detail(await read_body(response))
            except BaseException as error:
                # What is left unread would be taken for the answer to the next request.
                response.close()
                if not isinstance(error, Exception):
                    raise
                failure = failure_of(error)
                return Failed(response.status, failure.last_outcome, _milliseconds_since(started), failure.detail)
            return self._outcome(response, _milliseconds_since(started), detail)

    def _outcome(self, response: ClientResponse, duration_ms: float, detail: str) -> Outcome:
        status = response.status
        match verdict_of(status):
            case "delivered":
                return Delivered(status, duration_ms, detail)
            case "rejected":
                return Rejected(status, last_outcome_of(status), duration_ms, detail)
            case "failed":
                wait = retry_after(response.headers.get("Retry-After"), self._now())
                return Failed(status, last_outcome_of(status), duration_ms, detail, wait)

    def _open_endpoint(self, sealed: str) -> URL:
        return check_endpoint_url(self._box.open(sealed), self._policy)


def body_of(request: DeliveryRequest) -> bytes:
    """Return the body: an array of one event in the Event Grid schema, a bare object as a CloudEvent (§5.7)."""
    return b"[" + request.event + b"]" if request.schema == "EventGridSchema" else request.event


def headers_of(request: DeliveryRequest, now: datetime) -> dict[str, str]:
    """Return Event Grid's headers (§5.6) and those by which a receiver tells a repeat (Standard Webhooks)."""
    headers = {
        "Content-Type": EVENT_GRID_JSON.decode(),
        "aeg-event-type": "Notification",
        "aeg-subscription-name": request.subscription_name.upper(),
        "aeg-delivery-count": str(request.attempt - 1),
        "aeg-metadata-version": METADATA_VERSION,
        "webhook-id": request.delivery_id,
        "webhook-timestamp": str(int(now.timestamp())),
    }
    if request.schema == "EventGridSchema":
        headers["aeg-data-version"] = _header_value(request.data_version)
    else:
        headers["Content-Type"] = CLOUD_EVENT_JSON.decode()
        headers["Origin"] = EVENT_GRID_ORIGIN
    return headers


def _header_value(text: str) -> str:
    """Return publisher's text as a header value; what cannot stand in one is percent-encoded."""
    text = text[:_HEADER_VALUE_LIMIT]
    return text if text.isascii() and text.isprintable() else quote(text, safe=" !#$&'()*+,/:;=?@[]~")


def _milliseconds_since(started: float) -> float:
    return round((time.perf_counter() - started) * 1000, 3)


def _utc_now() -> datetime:
    return datetime.now(UTC)
