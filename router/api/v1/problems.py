"""Problem details (RFC 9457): how everything under /v1 tells of errors."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.responses import Response

from router.errors import (
    ConflictError,
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
    match error:
        case RefusedError():
            return problem(HTTPStatus.BAD_REQUEST, detail, field=error.target)
        case UnauthorizedError():
            return problem(HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": "Bearer"})
        case NotFoundError():
            return problem(HTTPStatus.NOT_FOUND, detail)
        case ConflictError():
            return problem(HTTPStatus.CONFLICT, detail)
        case KafkaUnavailableError() | HistoryUnavailableError():
            return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": RETRY_SECONDS})
        case _:
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, detail)
