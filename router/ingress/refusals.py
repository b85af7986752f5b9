"""Refusals: why a publish request is not accepted, in Event Grid's own words (§3.5, §3.6)."""

from dataclasses import dataclass
from typing import Final, Literal

SchemaName = Literal["EventGridEvent", "CloudEventV10", "CustomEvent"]
"""How messages call the schemas."""

MAX_REQUEST_BYTES: Final = 1_536_000
MAX_EVENT_BYTES: Final = 1_049_600
MAX_EVENTS: Final = 5_000
MAX_DEPTH: Final = 512
"""Levels of objects and arrays in one event: fewer than any later stage can read."""

_QUOTED_LENGTH: Final = 200


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error answer; `has_report` says whether Azure ends this message with `Report '<guid>…'`."""

    status: int
    code: str
    detail_code: str
    message: str
    has_report: bool = True
    retry_after_seconds: int | None = None
    allow: str | None = None


def invalid(message: str, *, has_report: bool = True) -> Refusal:
    """Refuse what was sent as not being events."""
    return Refusal(400, "BadRequest", "InputJsonInvalid", message, has_report)


def unexpected_token(expected: str, actual: str) -> Refusal:
    """Refuse one JSON token where another is wanted."""
    return invalid(
        f"Unexpected token when reading JSON. Expected: {expected}, actual: {actual}.",
        has_report=False,
    )


def nonconforming(schema: SchemaName, reason: str) -> Refusal:
    """Refuse JSON that is not of the schema; Azure does not say why, `reason` does."""
    return invalid(
        f"This resource is configured to receive event in '{schema}' schema. "
        f"The JSON received does not conform to the expected schema. {reason}"
    )


def wrong_token(schema: SchemaName, expected: str, actual: str) -> Refusal:
    """Refuse an array where a CloudEvent is wanted, or the other way round."""
    return nonconforming(schema, f"Token Expected: {expected}, \nActual Token Received: {actual}.")


def unexpected_property(schema: SchemaName, name: str) -> Refusal:
    """Refuse a property that the schema does not have."""
    return invalid(
        f"This resource is configured for '{schema}' schema. Received unexpected property '{name[:_QUOTED_LENGTH]}' "
        "in JSON which does not conform to the expected schema."
    )


def property_required(schema: SchemaName, name: str) -> Refusal:
    """Refuse an event without a property that it must have."""
    return invalid(f"This resource is configured for '{schema}' schema and requires '{name}' property to be set.")


def wrong_property(schema: SchemaName, name: str, value: str, allowed: str) -> Refusal:
    """Refuse the value of a property."""
    quoted = value if len(value) <= _QUOTED_LENGTH else value[:_QUOTED_LENGTH] + "…"
    return nonconforming(schema, f"Property '{name}' was found to be set to '{quoted}', but {allowed}.")


def header_missing(name: str) -> Refusal:
    """Refuse a CloudEvent in HTTP binary mode without one of its headers."""
    return Refusal(
        400, "BadRequest", "InvalidCloudEventHeader", f"{name} header is missing for the cloud event.", has_report=False
    )


def too_large(maximum: int) -> Refusal:
    """Refuse more bytes than `maximum`."""
    return Refusal(
        413,
        "RequestEntityTooLarge",
        "PayloadTooLarge",
        f"The maximum size ({maximum}) has been exceeded.",
        has_report=False,
    )


def too_many(maximum: int) -> Refusal:
    """Refuse more events than `maximum` in one request (§3.8)."""
    return Refusal(
        413,
        "RequestEntityTooLarge",
        "PayloadTooLarge",
        f"The maximum number of events ({maximum}) has been exceeded.",
        has_report=False,
    )


def unauthorized(message: str) -> Refusal:
    """Refuse missing or wrong credentials."""
    return Refusal(401, "Unauthorized", "Unauthorized", message)


def forbidden(message: str) -> Refusal:
    """Refuse good credentials that do not reach so far."""
    return Refusal(403, "Forbidden", "Forbidden", message)


def empty_key() -> Refusal:
    """Refuse an `aeg-sas-key` without a value."""
    return Refusal(400, "BadRequest", "InvalidSas", "Request must have a value for aeg-sas-key.", has_report=False)


def not_found(uri: str) -> Refusal:
    """Refuse an address at which there is nothing."""
    message = f"No HTTP resource was found that matches the request URI '{uri[:_QUOTED_LENGTH]}'."
    return Refusal(404, "NotFound", "ResourceNotFound", message)


def method_not_allowed(method: str) -> Refusal:
    """Refuse any verb but POST and OPTIONS."""
    message = f"The requested resource does not support http method '{method[:20]}'."
    return Refusal(405, "MethodNotAllowed", "MethodNotAllowed", message, has_report=False, allow="OPTIONS, POST")


def too_slow() -> Refusal:
    """Refuse a request whose body does not arrive."""
    return Refusal(
        408, "RequestTimeout", "RequestTimeout", "The request body did not arrive in time.", has_report=False
    )


def unavailable(message: str, retry_after_seconds: int) -> Refusal:
    """Refuse for now: nothing was accepted, the same request may succeed later."""
    return Refusal(
        503,
        "ServiceUnavailable",
        "ServiceUnavailable",
        message,
        has_report=False,
        retry_after_seconds=retry_after_seconds,
    )


def broken() -> Refusal:
    """Refuse what failed for a reason of the server's own."""
    return Refusal(500, "InternalServerError", "InternalServerError", "The request failed inside the server.")
