"""What an exception of the HTTP client means for a delivery (§5.9), in words that quote nothing hostile."""

import socket
import ssl
from typing import Final, NamedTuple

from router.errors import RefusedError
from router.handlers.safe_address import RefusedAddressError
from topics.dead_letters import LastDeliveryOutcome


class AnswerError(Exception):
    """An answer that cannot be read to its end; `status` is known when its head was."""

    def __init__(self, status: int | None = None) -> None:
        super().__init__(status)
        self.status = status


class EndlessBodyError(AnswerError):
    """An answer has more bytes than anybody needs."""


class NotHttpError(AnswerError):
    """An answer is not HTTP, or its head has no end."""


class BrokenAnswerError(AnswerError):
    """A connection broke before the answer was complete."""


class Failure(NamedTuple):
    """Event Grid's word for what went wrong, and ours."""

    last_outcome: LastDeliveryOutcome
    detail: str


_NOT_ALLOWED: Final = Failure("Forbidden", "the endpoint's address is not allowed")

# The first that fits counts: subclasses stand before their parents.
_FAILURES: Final[tuple[tuple[type[Exception], Failure], ...]] = (
    (RefusedError, _NOT_ALLOWED),
    (EndlessBodyError, Failure("GenericError", "the answer's body is too long")),
    (NotHttpError, Failure("GenericError", "the answer is not HTTP")),
    (BrokenAnswerError, Failure("SocketError", "the connection broke before the answer was complete")),
    (socket.gaierror, Failure("ResolutionError", "the endpoint's name cannot be resolved")),
    (ssl.SSLCertVerificationError, Failure("SocketError", "the endpoint's certificate is not valid")),
    (ssl.SSLError, Failure("SocketError", "no TLS connection can be made")),
    (TimeoutError, Failure("TimedOut", "no answer in time")),
    (ConnectionRefusedError, Failure("SocketError", "cannot connect: Connection refused")),
    (OSError, Failure("SocketError", "cannot connect, or the connection broke")),
)


def failure_of(error: Exception) -> Failure:
    """Say what an exception means; any that is not known is a `GenericError` by its name."""
    if _is_refused_address(error):
        return _NOT_ALLOWED
    for kind, failure in _FAILURES:
        if isinstance(error, kind):
            return failure
    return Failure("GenericError", type(error).__name__)


def _is_refused_address(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, RefusedAddressError):
            return True
        error = error.__cause__
    return False
