"""Problem details (RFC 9457): how everything under /v1 tells of errors."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.responses import Response

from router.errors import (
    ConflictError,
    ForbiddenError,
    KafkaUnavailableError,
    NotFoundError,
    RefusedError,
    RouterError,
    UnauthorizedError,
)
from router.history.reader import HistoryUnavailableError

MEDIA_TYPE: Final = "application/problem+json"
RETRY_SECONDS: Final = "2"


def problem(
    status: HTTPStatus,
    detail: str,
    *,
    field: str | None = None,
    headers: Mapping[str, str] | None = None,
    **more: Any,  # noqa: ANN401 (members of RFC 9457's extension)
) -> Response:
    """Return an answer that tells of a problem; `field` names the parameter that is wrong."""
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    body |= ({} if field is None else {"field": field}) | more
    return Response(orjson.dumps(body), status, dict(headers or {}), MEDIA_TYPE)


def problem_of(error: RouterError) -> Response:
    """Return the answer that an error calls for; its hint follows the message."""
    detail = error.message if error.hint is None else f"{error.message}: {error.hint}"
    status, headers = _ANSWERS.get(type(error), (HTTPStatus.INTERNAL_SERVER_ERROR, {}))
    return problem(status, detail, field=error.target, headers=headers)


_AGAIN: Final = {"Retry-After": RETRY_SECONDS}
_ANSWERS: Final[dict[type[RouterError], tuple[HTTPStatus, dict[str, str]]]] = {
    RefusedError: (HTTPStatus.BAD_REQUEST, {}),
    UnauthorizedError: (HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": "Bearer"}),
    ForbiddenError: (HTTPStatus.FORBIDDEN, {}),
    NotFoundError: (HTTPStatus.NOT_FOUND, {}),
    ConflictError: (HTTPStatus.CONFLICT, {}),
    KafkaUnavailableError: (HTTPStatus.SERVICE_UNAVAILABLE, _AGAIN),
    HistoryUnavailableError: (HTTPStatus.SERVICE_UNAVAILABLE, _AGAIN),
}
