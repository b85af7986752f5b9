"""The handshake: an endpoint shows that it wants the events before it gets any (§6).

Event Grid's schema: a validation event is posted and its code must come back (§6.1). CloudEvents: an OPTIONS request
asks for permission (§6.3). An endpoint that accepts without confirming may still be confirmed by the validation URL
(§6.2), which is a value of its own.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

import orjson
from yarl import URL

from router.handlers.answer import as_detail
from router.handlers.endpoint import METADATA_VERSION, header_line, query_values, redacted
from router.handlers.failures import failure_of
from router.handlers.http_client import ClientCertificate, HttpClient, origin_of, request_head
from router.handlers.safe_address import EndpointPolicy, check_endpoint_url
from router.handlers.status import SUCCESS, is_overload, status_name
from router.handlers.webhook import EVENT_GRID_ORIGIN
from topics.events import EVENT_GRID_JSON, EventSchema

REFUSED_CODE: Final = "Url validation"
VALIDATION_EVENT_TYPE: Final = "Microsoft.EventGrid.SubscriptionValidationEvent"
VALIDATION_DATA_VERSION: Final = "1"
REQUEST_RATE: Final = "120"
_OK: Final = 200
_NO_ANSWER: Final = "Unknown"
_PASSING: Final = frozenset({"TimedOut", "SocketError", "ResolutionError"})


@dataclass(frozen=True, slots=True)
class Handshake:
    """What is asked of an endpoint, for whom, and where it may be confirmed by hand."""

    url: str
    subscription_name: str
    topic: str
    schema: EventSchema | None
    validation_url: str
    validation_code: str
    headers: tuple[tuple[str, str], ...] = ()
    """The subscription's own, which validation requests carry too (§5.10)."""

    certificate: ClientCertificate | None = None


@dataclass(frozen=True, slots=True)
class Validated:
    """The endpoint confirmed; `allowed_rate` is what it said of requests a minute, None for as many as there are."""

    allowed_rate: int | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """The endpoint did not confirm; code and message are Azure's (§6.4)."""

    code: str
    message: str
    may_pass: bool = False
    """Whether it is worth asking again soon: there was no answer, or that of an endpoint in trouble."""


@dataclass(frozen=True, slots=True)
class AcceptedWithoutCode(Refused):
    """The endpoint took the request but did not confirm; someone may yet do so by the validation URL (§6.2)."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """Status, body and headers that matter; no status when there was no answer."""

    status: int | None = None
    body: bytes = b""
    allowed_origin: str | None = None
    allowed_rate: str | None = None
    may_pass: bool = False


async def validate_endpoint(
    client: HttpClient,
    handshake: Handshake,
    *,
    policy: EndpointPolicy,
    now: datetime,
    timeout_seconds: float = 30.0,
) -> Validated | Refused:
    """Ask an endpoint whether it wants the events of a subscription; every way to fail is a `Refused`.

    Raises:
        RefusedError: the URL is not one that webhooks may go to.
    """
    url = check_endpoint_url(handshake.url, policy)
    cloud_events = handshake.schema == "CloudEventSchemaV1_0"
    try:
        answer = await _ask(client, url, handshake, now, timeout_seconds)
    except Exception as error:  # noqa: BLE001 (Azure calls all of them `Unknown`)
        answer = _Answer(may_pass=failure_of(error).last_outcome in _PASSING)
    accepted = answer.status in SUCCESS
    if cloud_events:
        if accepted and answer.allowed_origin in ("*", EVENT_GRID_ORIGIN):
            return Validated(_rate(answer.allowed_rate))
        if answer.allowed_origin is not None:
            accepted = False
    elif answer.status == _OK and _echoes(answer.body, handshake.validation_code):
        return Validated()
    base_url = str(url.with_query(None).with_fragment(None))
    refused = AcceptedWithoutCode if accepted else Refused
    words = _failed(answer, cloud_events=cloud_events)
    if not cloud_events and accepted:
        # Who may read the message may not, by that alone, confirm for the endpoint, or speak to it.
        secrets = [handshake.validation_url, handshake.validation_code, *query_values(url)]
        secrets += query_values(URL(handshake.validation_url))  # some write a slash with a backslash before it
        words = _without_code(redacted(answer.body, (*secrets, *(value for _name, value in handshake.headers))))
    message = f"Webhook validation handshake failed for {base_url}. {words} {_activity(now)}"
    return refused(REFUSED_CODE, message, may_pass=answer.may_pass)


def validation_event(handshake: Handshake, now: datetime) -> bytes:
    """Return the body of the validation request: an array of one event (§6.1)."""
    return orjson.dumps(
        [
            {
                "id": str(uuid4()),
                "topic": handshake.topic,
                "subject": "",
                "data": {"validationCode": handshake.validation_code, "validationUrl": handshake.validation_url},
                "eventType": VALIDATION_EVENT_TYPE,
                "eventTime": now.isoformat().replace("+00:00", "Z"),
                "metadataVersion": METADATA_VERSION,
                "dataVersion": VALIDATION_DATA_VERSION,
            }
        ]
    )


async def _ask(client: HttpClient, url: URL, handshake: Handshake, now: datetime, seconds: float) -> _Answer:
    if handshake.schema == "CloudEventSchemaV1_0":
        method, body, headers = "OPTIONS", b"", _permission_headers(handshake)
    else:
        method, body, headers = "POST", validation_event(handshake, now), _validation_headers(handshake)
    lines = [*headers.items(), ("Content-Length", str(len(body))), *handshake.headers]
    request = request_head(method, url) + b"".join(header_line(name, value) for name, value in lines) + b"\r\n" + body
    answer = await client.send(origin_of(url, handshake.certificate), request, seconds)
    told = {name: value.decode("latin-1") for name, value in answer.headers.items()}
    return _Answer(
        answer.status,
        answer.body,
        told.get(b"webhook-allowed-origin"),
        told.get(b"webhook-allowed-rate"),
        may_pass=is_overload(answer.status),
    )


def _rate(text: str | None) -> int | None:
    """Read a rate in requests a minute; `*` and nonsense are no limit, and so is what was asked for, echoed."""
    if text is None or not (text.isascii() and text.isdigit()):
        return None
    rate = int(text[:9])
    return rate if 0 < rate < int(REQUEST_RATE) else None


def _validation_headers(handshake: Handshake) -> dict[str, str]:
    return {
        "Content-Type": EVENT_GRID_JSON.decode(),
        "aeg-event-type": "SubscriptionValidation",
        "aeg-subscription-name": handshake.subscription_name.upper(),
        "aeg-delivery-count": "0",
        "aeg-data-version": VALIDATION_DATA_VERSION,
        "aeg-metadata-version": METADATA_VERSION,
    }


def _permission_headers(handshake: Handshake) -> dict[str, str]:
    return {
        "WebHook-Request-Origin": EVENT_GRID_ORIGIN,
        "WebHook-Request-Callback": handshake.validation_url,
        "WebHook-Request-Rate": REQUEST_RATE,
    }


def _echoes(body: bytes, code: str) -> bool:
    """Say whether an answer holds the code; its name in any case, as serializers of .NET write `ValidationResponse`."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return isinstance(answer, dict) and any(
        name.lower() == "validationresponse" and value == code for name, value in answer.items()
    )


def _failed(answer: _Answer, *, cloud_events: bool) -> str:
    method, page = ("OPTIONS", "esvalidationcloudevent") if cloud_events else ("POST", "esvalidation")
    status = _NO_ANSWER if answer.status is None else status_name(answer.status)
    return (
        f"Http {method} request failed with response code {status}. "
        f"For troublehooting, visit https://aka.ms/{page}."  # codespell:ignore (Azure's own spelling)
    )


def _without_code(body: bytes) -> str:
    return (
        f"Http POST request retuned 2XX response with response body {as_detail(body)}. "  # codespell:ignore
        "When a validation request is accepted without validation code in the response body, Http GET is expected on "
        "the validation url included in the validation event(within 10 minutes). "
        "For troublehooting, visit https://aka.ms/esvalidation."  # codespell:ignore
    )


def _activity(now: datetime) -> str:
    moment = f"{now.month}/{now.day}/{now.year} {now.hour % 12 or 12}:{now:%M:%S %p}"
    return f"Activity id:{uuid4()}, timestamp: {moment} (UTC)."
