"""A file of events, cut into requests that the publish endpoint takes; the events' bytes are never rewritten."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from router.errors import RefusedError
from topics.events import EventSchema

MAX_BATCH_BYTES: Final = 1_000_000
"""Event Grid takes 1 MB a request (§3.8)."""
MAX_BATCH_EVENTS: Final = 5_000
"""Event Grid takes 5,000 events a request (§3.8)."""

CONTENT_TYPES: Final[dict[EventSchema, str]] = {
    "EventGridSchema": "application/json; charset=utf-8",
    "CloudEventSchemaV1_0": "application/cloudevents-batch+json; charset=utf-8",
}


class _Mark(msgspec.Struct):
    """What tells the schemas apart, and what names an event to a person."""

    specversion: msgspec.Raw = msgspec.Raw()
    id: msgspec.Raw = msgspec.Raw()


@dataclass(frozen=True, slots=True)
class PublishableEvent:
    """One event of the file: its place (counted from 1), its schema and its bytes."""

    place: int
    schema: EventSchema
    raw: bytes
    id: str

    def __str__(self) -> str:
        return f"event {self.place} (id {self.id})"


@dataclass(frozen=True, slots=True)
class Batch:
    """Events of one schema that travel in one request."""

    schema: EventSchema
    events: Sequence[PublishableEvent]

    @property
    def content_type(self) -> str:
        """The media type of the request."""
        return CONTENT_TYPES[self.schema]

    def body(self) -> bytes:
        """Return the request's body: a JSON array of the events as they stood in the file."""
        return b"[" + b",".join(event.raw for event in self.events) + b"]"


def read_events(text: bytes) -> list[PublishableEvent]:
    """Read a JSON array, a JSON object or JSON lines of events in either schema.

    Raises:
        RefusedError: it is none of these; the message names the line or the event.
    """
    text = text.removeprefix(b"\xef\xbb\xbf").strip()
    if not text:
        raise RefusedError("there are no events: the input is empty")
    return [_event(place, raw) for place, raw in enumerate(_elements(text), 1)]


def cut(events: Sequence[PublishableEvent], max_events: int, max_bytes: int = MAX_BATCH_BYTES) -> Iterator[Batch]:
    """Cut events into batches, in their order; one that is too large travels alone, for the service to judge."""
    batch: list[PublishableEvent] = []
    size = 1
    for event in events:
        grown = size + len(event.raw) + 1
        if batch and (event.schema != batch[0].schema or len(batch) >= max_events or grown > max_bytes):
            yield Batch(batch[0].schema, batch)
            batch, grown = [], 2 + len(event.raw)
        batch.append(event)
        size = grown
    if batch:
        yield Batch(batch[0].schema, batch)


def _elements(text: bytes) -> list[bytes]:
    """Return the bytes of each event: of an array's elements, of the one object, or of each line."""
    if text.startswith(b"["):
        return _array(text, "the input is not valid JSON")
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError as error:
        lines = [(number, line.strip()) for number, line in enumerate(text.split(b"\n"), 1)]
        if len(lines) == 1:
            raise RefusedError(f"the input is not valid JSON: {error}") from None
        return [part for number, line in lines if line for part in _line(number, line)]
    return [text]


def _line(number: int, line: bytes) -> list[bytes]:
    if line.startswith(b"["):
        return _array(line, f"line {number} is not valid JSON")
    return [_raw(line, f"line {number} is not valid JSON (one event a line was expected)")]


def _array(text: bytes, complaint: str) -> list[bytes]:
    try:
        return [bytes(raw) for raw in msgspec.json.decode(text, type=list[msgspec.Raw])]
    except msgspec.DecodeError as error:
        raise RefusedError(f"{complaint}: {error}") from None


def _raw(text: bytes, complaint: str) -> bytes:
    try:
        return bytes(msgspec.json.decode(text, type=msgspec.Raw))
    except msgspec.DecodeError as error:
        raise RefusedError(f"{complaint}: {error}") from None


def _event(place: int, raw: bytes) -> PublishableEvent:
    try:
        mark = msgspec.json.decode(raw, type=_Mark)
    except msgspec.DecodeError:
        raise RefusedError(f"event {place} is no JSON object") from None
    schema: EventSchema = "CloudEventSchemaV1_0" if bytes(mark.specversion) else "EventGridSchema"
    return PublishableEvent(place, schema, raw, bytes(mark.id).decode(errors="replace") or "none")
