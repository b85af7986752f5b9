"""Answers of the management API, and the shape in which Azure Resource Manager tells of errors (§8.4)."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

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

    def encoded(self) -> bytes:
        """Return the body as JSON, in UTF-8."""
        if self.body is None:
            return b""
        try:
            return orjson.dumps(self.body)
        except TypeError:
            # A filter may hold an integer of more than 64 bits, which orjson does not write.
            return json.dumps(self.body, ensure_ascii=False, separators=(",", ":")).encode()


def error_answer(
    status: HTTPStatus,
    code: str,
    message: str,
    *,
    target: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """Return an error in ARM's shape; `target` names what is wrong."""
    return _answer(status, [_detail(code, message, target)], headers)


def answer_to(error: RouterError) -> Answer:
    """Return the answer that an error calls for; its hint follows the message, and `details` has all that is wrong."""
    message = _message(error)
    match error:
        case RefusedError():
            refusals = (error, *error.others)
            return _answer(HTTPStatus.BAD_REQUEST, [_detail(one.code, _message(one), one.target) for one in refusals])
        case UnauthorizedError():
            headers = {"WWW-Authenticate": "Bearer"}
            return error_answer(HTTPStatus.UNAUTHORIZED, "AuthenticationFailed", message, headers=headers)
        case ForbiddenError() | NotFoundError() | ConflictError() | PreconditionError():
            kind = next(one for one in _PLAIN if isinstance(error, one))
            return error_answer(*_PLAIN[kind], message, target=error.target)
        case KafkaUnavailableError():
            headers = {"Retry-After": _RETRY_SECONDS}
            return error_answer(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", message, headers=headers)
        case _:
            return error_answer(HTTPStatus.INTERNAL_SERVER_ERROR, "InternalServerError", message)


def _answer(status: HTTPStatus, details: Sequence[Json], headers: Mapping[str, str] | None = None) -> Answer:
    """Return an error that says first what is wrong first, and how much else is."""
    first, *others = details
    more = f" ({len(others)} more in the details)" if others else ""
    error = first | {"message": first["message"] + more, "details": list(details)}
    return Answer(status, {"error": error}, headers or {})


def _message(error: RouterError) -> str:
    return error.message if error.hint is None else f"{error.message} {error.hint}"


def _detail(code: str, message: str, target: str | None) -> Json:
    return {"code": code, "message": message} | ({} if target is None else {"target": target})
