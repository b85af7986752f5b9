"""The answers of the publish endpoint, header by header as Event Grid's (§3.2, §3.6)."""

from datetime import datetime
from itertools import count
from typing import Final
from uuid import uuid4

import orjson
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from router.ingress.refusals import Refusal
from topics import Source

_ID_BEGINNING: Final = str(uuid4())[:-12]
_request_numbers = count(1)
_REQUEST_ID: Final = "x-ms-request-id"
_VERSIONS: Final = {"api-supported-versions": "2018-01-01"}
_SUCCESS: Final = (*((name.encode(), value.encode()) for name, value in _VERSIONS.items()), (b"content-length", b"0"))
_NO_BODY: Final[Message] = {"type": "http.response.body", "body": b""}
_SCHEMA_NAMES: Final = {
    "EventGridSchema": "EventGridEvent",
    "CloudEventSchemaV1_0": "CloudEventV10",
    "CustomEventSchema": "CustomEvent",
    None: "EventGridEvent",
}


def new_request_id() -> str:
    """Return an id for one request; it is in the answer, and in the log."""
    # A UUID in form. It need not be secret: one random beginning a process and a number cost a tenth of uuid4().
    return f"{_ID_BEGINNING}{next(_request_numbers):012x}"


class SuccessAnswer:
    """200 with an empty body: every event is stored. Most answers are this one, so it is sent with little ado."""

    def __init__(self, request_id: str) -> None:
        self._request_id = request_id

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the answer."""
        headers = [*_SUCCESS, (_REQUEST_ID.encode(), self._request_id.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send(_NO_BODY)


def options_answer(addressed: Source | None, request_id: str) -> Response:
    """Return what the endpoint takes (§3.5)."""
    schema = _SCHEMA_NAMES[addressed.input_schema if addressed else None]
    return Response(
        headers={"allow": "POST, OPTIONS", "aeg-input-event-schema": schema, **_VERSIONS, _REQUEST_ID: request_id}
    )


def error_answer(refusal: Refusal, request_id: str, now: datetime) -> Response:
    """Return a refusal in Event Grid's error shape."""
    message = refusal.message + (_report(request_id, now) if refusal.has_report else "")
    body = {
        "error": {
            "code": refusal.code,
            "message": message,
            "details": [{"code": refusal.detail_code, "message": message}],
        }
    }
    headers = {**_VERSIONS, _REQUEST_ID: request_id}
    if refusal.retry_after_seconds is not None:
        headers["retry-after"] = str(refusal.retry_after_seconds)
    if refusal.allow is not None:
        headers["allow"] = refusal.allow
    return Response(orjson.dumps(body), refusal.status, headers=headers, media_type="application/json; charset=utf-8")


def _report(request_id: str, now: datetime) -> str:
    """Return the end of most messages; the time is written as en-US does, without leading zeros."""
    half, hour = ("AM", now.hour) if now.hour < 12 else ("PM", now.hour - 12)  # noqa: PLR2004 (noon)
    moment = f"{now.month}/{now.day}/{now.year} {hour or 12}:{now:%M:%S} {half}"
    return f" Report '{request_id}:1:{moment} (UTC)' to our forums for assistance or raise a support ticket."
