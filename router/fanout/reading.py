"""Reading: a record's envelope, and the routes that want it."""

from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from router.events.conversion import to_schema
from router.events.envelope import (
    Envelope,
    Headers,
    UnreadableEventError,
    form_of,
    origin_of,
    read_envelope,
    read_event_grid,
)
from router.filters.index import Snapshot
from router.filters.matching import REFUSALS
from router.kafka.ready_records import header, header_name
from router.kafka.verbatim import VerbatimRecord
from router.subscriptions.view import Route, Routes
from topics.events import CE_SPECVERSION, CONTENT_TYPE, EVENT_GRID_JSON
from topics.topic import MAX_MESSAGE_BYTES

LARGEST_VALUE = MAX_MESSAGE_BYTES - 64 * 1024
"""Leaves room for key, headers and batch: what is larger would be refused by the sink, and stop the partition."""


class SourceRecord(Protocol):
    """What fan-out looks at of a record; aiokafka's ConsumerRecord has it all."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


_JSON: Final = header(CONTENT_TYPE, EVENT_GRID_JSON)
_TYPE_OF_CONTENT: Final = header_name(CONTENT_TYPE)
_VERSION_OF_SPEC: Final = header_name(CE_SPECVERSION)


class Reader:
    """Reads records and finds who wants them; expects each event to be of the same source as the one before."""

    def __init__(self, routes: Routes) -> None:
        self.routes = routes
        self._source: str | None = None
        self._filters: Snapshot[Route] | None = None
        self._decode: Callable[[bytes], Any] | None = None
        self._match: Callable[[Any, bytes], Sequence[Route] | None] | None = None

    def route(self, record: SourceRecord) -> tuple[Envelope, Sequence[Route]]:
        """Return the envelope of a record, and the routes that want it.

        Raises:
            UnreadableEventError: it is no event, or too large for a sink.
        """
        value, decode, match = record.value, self._decode, self._match
        if value is None or decode is None or match is None or len(value) > LARGEST_VALUE:
            return self._step_by_step(record)
        # As nearly every event is: of the same form and source as the one before, and with nothing new in it.
        if _is_event_grid(record):
            try:
                if not value.isascii():
                    value.decode()  # the decoder does not look into the strings that it skips
                envelope = decode(value)
            except REFUSALS:
                return self._step_by_step(record)
            if envelope.source == self._source and envelope.id and envelope.type:
                targets = match(envelope, value)
                if targets is not None:
                    return envelope, targets
        return self._step_by_step(record)

    def _step_by_step(self, record: SourceRecord) -> tuple[Envelope, Sequence[Route]]:
        """See also how the next event can be read at once."""
        if record.value is not None and len(record.value) > LARGEST_VALUE:
            raise UnreadableEventError(f"the value has more than {LARGEST_VALUE} bytes")
        envelope = read_envelope(record.value, record.headers)
        source = origin_of(envelope, record.headers)
        if source != self._source:
            self._source, self._filters = source, self.routes.of(source)
        filters = self._filters
        if filters is None:
            self._decode, self._match = read_event_grid, _nobody
            return envelope, ()
        if not filters.needs_body:
            self._decode, self._match = read_event_grid, filters.match_one
            return envelope, filters.match_one(envelope)
        targets = filters.match_one(envelope, _body(record, envelope))
        self._decode, self._match = filters.at_once("EventGridSchema")
        return envelope, targets


def _nobody(_envelope: Envelope, _body: bytes) -> Sequence[Route]:
    return ()


def _body(record: SourceRecord, envelope: Envelope) -> bytes | None:
    """Return the event as one JSON object; None when its data is not what it claims: then only the envelope counts."""
    if envelope.schema == "EventGridSchema" or form_of(record.headers) != "binary":
        return record.value
    try:
        return to_schema(record.value or b"", record.headers, None)
    except UnreadableEventError:
        return None


def _is_event_grid(record: SourceRecord) -> bool:
    """Say whether a record is an Event Grid event; those that ingress wrote tell it without being taken apart."""
    if isinstance(record, VerbatimRecord):
        encoded, first = record.encoded, record.headers_at + 1
        if (
            encoded.startswith(_JSON, first)
            and encoded.find(_VERSION_OF_SPEC, first) < 0
            and encoded.find(_TYPE_OF_CONTENT, first + 1) < 0
        ):
            return True
    return form_of(record.headers) == "event_grid"
