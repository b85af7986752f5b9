"""From an HTTP answer to an error that a person understands."""

from http import HTTPStatus

import httpx
import msgspec

from router.errors import (
    ConflictError,
    NotFoundError,
    PreconditionError,
    RefusedError,
    RouterError,
    UnauthorizedError,
)


def error_of(response: httpx.Response) -> RouterError:
    """Return the error that a refusing answer stands for, in the service's own words."""
    code, message = _code_and_message(response)
    match response.status_code:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return UnauthorizedError(
                message, hint="The token or key is not this router's: is --data-dir that of the router that runs?"
            )
        case HTTPStatus.NOT_FOUND:
            return NotFoundError(message)
        case HTTPStatus.CONFLICT:
            return ConflictError(message)
        case HTTPStatus.PRECONDITION_FAILED:
            return PreconditionError(message)
        case status if status < HTTPStatus.INTERNAL_SERVER_ERROR:
            return RefusedError(message, code=code)
        case _:
            return RouterError(message, hint="The server's log says more.")


def _code_and_message(response: httpx.Response) -> tuple[str, str]:
    """Read Azure's error shape (§3.6), else problem details (RFC 9457), else say the status."""
    fallback = f"the server answered {response.status_code} {response.reason_phrase}".rstrip()
    try:
        body = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "Unknown", fallback
    match body:
        case {"error": {"code": code, "message": str(message), "target": str(target)}} if _says_more(target, message):
            return str(code), f"{target}: {message}"
        case {"error": {"code": code, "message": str(message)}}:
            return str(code), message
        case {"detail": str(detail)}:
            return "Unknown", detail
        case _:
            return "Unknown", fallback


def _says_more(target: str, message: str) -> bool:
    """Say whether a message needs its target: it names none, and a resource is what the command asked for."""
    return target not in message and not target.startswith("/")
