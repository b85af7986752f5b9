"""Answers of the management API, and the shape in which Azure Resource Manager tells of errors (§8.4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from router.errors import (
    ConflictError,
    ForbiddenError,
    KafkaUnavailableError,
    NotFoundError,
    PreconditionError,
    RefusedError,
    RouterError,
    UnauthorizedError,
)

Json = dict[str, Any]
_RETRY_SECONDS = "5"
_PLAIN: dict[type[RouterError], tuple[HTTPStatus, str]] = {
    ForbiddenError: (HTTPStatus.FORBIDDEN, "AuthorizationFailed"),
    NotFoundError: (HTTPStatus.NOT_FOUND, "ResourceNotFound"),
    ConflictError: (HTTPStatus.CONFLICT, "Conflict"),
    PreconditionError: (HTTPStatus.PRECONDITION_FAILED, "PreconditionFailed"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back; no body when it is None."""

    status: HTTPStatus
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def error_answer(
    status: HTTPStatus,
    code: str,
    message: str,
    *,
    target: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Return an error in ARM's shape; `target` names the member that is wrong."""
    error = {"code": code, "message": message} | ({} if target is None else {"target": target})
    return Answer(status, {"error": error}, headers or {})


def answer_to(error: RouterError) -> Answer:
    """Return the answer that an error calls for; its hint follows the message."""
    message = error.message if error.hint is None else f"{error.message} {error.hint}"
    match error:
        case RefusedError():
            return error_answer(HTTPStatus.BAD_REQUEST, error.code, message, target=error.target)
        case UnauthorizedError():
            headers = {"WWW-Authenticate": "Bearer"}
            return error_answer(HTTPStatus.UNAUTHORIZED, "AuthenticationFailed", message, headers=headers)
        case ForbiddenError() | NotFoundError() | ConflictError() | PreconditionError():
            return error_answer(*_PLAIN[type(error)], message)
        case KafkaUnavailableError():
            headers = {"Retry-After": _RETRY_SECONDS}
            return error_answer(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", message, headers=headers)
        case _:
            return error_answer(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalServerError", message)
