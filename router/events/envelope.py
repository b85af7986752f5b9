"""What an event says of itself, read from a record of workspace.events in any of its forms (design §2).

A record is one of three things: a structured CloudEvent (by content type), a CloudEvent in binary mode (by
`ce_specversion`), or an Event Grid event (everything else).
"""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal

import msgspec

from topics.events import (
    CE_ID,
    CE_SOURCE,
    CE_SPECVERSION,
    CE_SUBJECT,
    CE_TIME,
    CE_TYPE,
    CLOUD_EVENTS_MEDIA_TYPE,
    CONTENT_TYPE,
    EVENT_GRID_JSON,
    ROUTER_SOURCE,
    EventSchema,
)

Headers = Sequence[tuple[str, bytes]]
Form = Literal["event_grid", "structured", "binary"]


class UnreadableEventError(ValueError):
    """The bytes are no event; the message says why, and never quotes them."""


class EventGridEnvelope(msgspec.Struct, gc=False):
    """The members of an Event Grid event that routing and delivery look at, under CloudEvents' names (§2.1)."""

    schema: ClassVar[EventSchema] = "EventGridSchema"
    id: str
    type: str = msgspec.field(name="eventType")
    source: str = msgspec.field(name="topic")
    subject: str | None = ""
    time: str | None = msgspec.field(name="eventTime", default=None)
    data_version: str | None = msgspec.field(name="dataVersion", default="")


class CloudEventEnvelope(msgspec.Struct, gc=False):
    """The attributes of a CloudEvent that routing and delivery look at (§2.2)."""

    schema: ClassVar[EventSchema] = "CloudEventSchemaV1_0"
    data_version: ClassVar[str] = ""
    id: str
    type: str
    source: str
    subject: str | None = ""
    time: str | None = None


Envelope = EventGridEnvelope | CloudEventEnvelope
"""What an event says of itself; `time` is as written."""

read_event_grid: Callable[[bytes], EventGridEnvelope] = msgspec.json.Decoder(EventGridEnvelope).decode
"""Reads an Event Grid event in UTF-8; what it raises at others does not say why, as `read_envelope` does."""
_cloud_event = msgspec.json.Decoder(CloudEventEnvelope).decode


def form_of(headers: Headers) -> Form:
    """Say which form a record has; only its headers tell."""
    form: Form = "event_grid"
    for name, value in headers:
        if name == CE_SPECVERSION:
            form = "binary"
        elif name == CONTENT_TYPE and value != EVENT_GRID_JSON and value is not None and _is_structured(value):
            return "structured"
    return form


def _is_structured(content_type: bytes) -> bool:
    return content_type.lstrip()[: len(CLOUD_EVENTS_MEDIA_TYPE)].lower() == CLOUD_EVENTS_MEDIA_TYPE


def read_envelope(value: bytes | None, headers: Headers) -> Envelope:
    """Read the envelope of a record.

    Raises:
        UnreadableEventError: the record is no event; the message says why.
    """
    if value is None:
        raise UnreadableEventError("the record has no value")
    form = form_of(headers)
    envelope: Envelope
    if form == "event_grid":
        envelope = _decode(read_event_grid, value)
    elif form == "structured":
        envelope = _decode(_cloud_event, value)
    else:
        envelope = _binary_mode(headers)
    if not (envelope.id and envelope.type and envelope.source):
        raise UnreadableEventError("id, type and source must not be empty")
    if envelope.subject is None:
        envelope.subject = ""
    return envelope


def origin_of(envelope: Envelope, headers: Headers) -> str:
    """Return the workspace or topic that an event was published to: its source, unless ingress named another."""
    if envelope.schema == "CloudEventSchemaV1_0":
        for name, value in headers:
            if name == ROUTER_SOURCE and value is not None:
                return value.decode(errors="replace")
    return envelope.source


def _decode(decode: Callable[[bytes], Any], value: bytes) -> Any:  # noqa: ANN401 (one of the two structs)
    try:
        # msgspec does not look into the strings that it skips.
        if not value.isascii():
            value.decode()
        return decode(value)
    except UnicodeDecodeError:
        raise UnreadableEventError("the value is not UTF-8") from None
    except msgspec.ValidationError as error:
        # Its message names members and types, which are ours; never values, which are the sender's.
        raise UnreadableEventError(f"the value is no event: {error}") from None
    except msgspec.DecodeError:
        raise UnreadableEventError("the value is not JSON") from None
    except RecursionError:
        raise UnreadableEventError("the value is nested too deeply") from None


def _binary_mode(headers: Headers) -> CloudEventEnvelope:
    try:
        attributes = {name: value.decode() for name, value in headers if value is not None and name.startswith("ce_")}
        return CloudEventEnvelope(
            attributes[CE_ID],
            attributes[CE_TYPE],
            attributes[CE_SOURCE],
            attributes.get(CE_SUBJECT, ""),
            attributes.get(CE_TIME),
        )
    except KeyError as missing:
        raise UnreadableEventError(f"binary mode without the header {missing.args[0]}") from None
    except UnicodeDecodeError:
        raise UnreadableEventError("a ce_ header is not UTF-8") from None
