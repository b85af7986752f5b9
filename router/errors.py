"""The errors that people see, as a tree.

    RouterError
    ├── SettingsError           a setting or flag is wrong
    ├── KafkaUnavailableError   no broker answers, or it stopped answering
    ├── EmbeddedKafkaError      the embedded Kafka cannot be fetched or started
    ├── RefusedError            a request breaks a rule: names field, value and what is allowed
    ├── UnauthorizedError       no credentials, or wrong ones
    ├── ForbiddenError          good credentials, but not for this
    ├── NotFoundError           no such resource
    ├── ConflictError           the resource is in the way of the request
    └── PreconditionError       the resource is not as the request expects it

Each carries a message for the person who made the mistake, and a hint where there is something to do about it; `target`
names what is wrong, a field or a resource.
"""

from collections.abc import Sequence


class RouterError(Exception):
    """Something that a person can understand and mend; `hint` says how."""

    def __init__(self, message: str, hint: str | None = None, *, target: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.target = target


class SettingsError(RouterError):
    """A setting or a flag is wrong."""


class KafkaUnavailableError(RouterError):
    """No Kafka broker answers at the given address, or it stopped answering."""


class EmbeddedKafkaError(RouterError):
    """The embedded Kafka cannot be fetched or started."""


class RefusedError(RouterError):
    """A request breaks a rule; `code` and `target` are those of the API's error body, `others` what else is wrong."""

    def __init__(
        self,
        message: str,
        *,
        code: str = "InvalidRequest",
        target: str | None = None,
        hint: str | None = None,
        others: Sequence["RefusedError"] = (),
    ) -> None:
        super().__init__(message, hint, target=target)
        self.code = code
        self.others = tuple(others)


class UnauthorizedError(RouterError):
    """No credentials, or wrong ones."""


class ForbiddenError(RouterError):
    """Good credentials, but they do not reach so far."""


class NotFoundError(RouterError):
    """No such resource."""


class ConflictError(RouterError):
    """The resource is in the way of the request."""


class PreconditionError(RouterError):
    """The resource is not as the request expects it: somebody else changed it (If-Match)."""
