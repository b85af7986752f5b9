"""What an HTTP status means for a delivery (§5.2, §5.8)."""

from http import HTTPStatus
from typing import Final, Literal

from topics.dead_letters import LastDeliveryOutcome

Verdict = Literal["delivered", "failed", "rejected"]

SUCCESS: Final = frozenset({200, 201, 202, 203, 204})
REJECTED: Final = frozenset({400, 401, 403, 413})
_TOO_MUCH: Final = frozenset({408, 429})
_FIRST_CLIENT_ERROR: Final = 400
_FIRST_SERVER_ERROR: Final = 500

_LAST_OUTCOMES: Final[dict[int, LastDeliveryOutcome]] = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    408: "TimedOut",
    410: "NotFound",
    413: "PayloadTooLarge",
    429: "Busy",
    503: "Busy",
}


def verdict_of(status: int) -> Verdict:
    """Say how an attempt ended that was answered with this status; redirects are failures."""
    if status in SUCCESS:
        return "delivered"
    return "rejected" if status in REJECTED else "failed"


def last_outcome_of(status: int) -> LastDeliveryOutcome:
    """Return Event Grid's word for a status that is no success (§5.9)."""
    if status in _LAST_OUTCOMES:
        return _LAST_OUTCOMES[status]
    return "BadRequest" if _FIRST_CLIENT_ERROR <= status < _FIRST_SERVER_ERROR else "GenericError"


def is_overload(status: int) -> bool:
    """Say whether a status tells of trouble that passes: too many requests, or a server that cannot now."""
    return status in _TOO_MUCH or status >= _FIRST_SERVER_ERROR


def status_name(status: int) -> str:
    """Return a status as Azure's messages write it, such as `NotFound` (§6.4)."""
    try:
        return "".join(word.capitalize() for word in HTTPStatus(status).phrase.replace("-", " ").split())
    except ValueError:
        return str(status)
