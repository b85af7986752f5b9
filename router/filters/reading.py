"""Reading: the values of events by slot, by a projection where it can be, else by a walk, which teaches the next one."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from router.filters.envelopes import Event, schema_of, values_of
from router.filters.layouts import Layout
from router.filters.paths import Paths, read_members
from router.filters.projection import MOST_KEYS, Projection
from topics.events import EventSchema

_REFUSALS: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_SELDOM: Final = 4096
_WINDOW: Final = 256
_REST: Final = 4096


class Reader:
    """Reads events for all keys that some filters name."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._schemas: dict[EventSchema, _SchemaReader] = {}

    def match(
        self, envelopes: Sequence[Event], bodies: Sequence[bytes | None], collect: Callable[[list[Any], list[Any]], None]
    ) -> list[list[Any]]:
        """Return what is collected for the values of each event."""
        kind: type | None = None
        matched = []
        for envelope, body in zip(envelopes, bodies, strict=True):
            if envelope.__class__ is not kind:
                kind = envelope.__class__
                reader = self._reader_for(schema_of(envelope))
                decode, extract = reader.fast
            found: list[Any] = []
            if decode is None or body is None:
                values = reader.walk(envelope, body)
                kind = None
            else:
                try:
                    values = extract(decode(body), envelope.type, envelope.subject or "")
                except _REFUSALS:
                    values = reader.walk(envelope, body)
                    kind = None
            collect(values, found)
            matched.append(found)
        return matched

    def _reader_for(self, schema: EventSchema) -> "_SchemaReader":
        reader = self._schemas.get(schema)
        if reader is None:
            reader = self._schemas[schema] = _SchemaReader(schema, self._paths)
        return reader


def _nothing(_decoded: object, _type: str, _subject: str) -> list[Any]:
    return []


class _SchemaReader:
    """Reads events of one schema, and learns how they look."""

    def __init__(self, schema: EventSchema, paths: Paths) -> None:
        self._schema: EventSchema = schema
        self._paths = paths
        self._layout = Layout(schema)
        self._projection: Projection | None = None
        self._keys = 0
        self._has_learned = False
        self._walked = 0
        self._patience = 1

    @property
    def fast(self) -> tuple[Callable[[bytes], Any] | None, Callable[[Any, str, str], list[Any]]]:
        """A decoder and what turns its result into values; None when events must be walked."""
        if self._keys != len(self._paths):
            self._keys, self._projection, self._patience, self._walked = len(self._paths), None, 1, 0
            self._has_learned = bool(self._layout.places[()].names)
        if self._has_learned and self._walked >= self._patience and len(self._paths) <= MOST_KEYS:
            # Making one costs as much as walking some hundred events: the more were made, the longer we wait.
            self._projection = Projection(self._layout, self._paths)
            self._has_learned, self._walked, self._patience = False, 0, min(self._patience * 2, _SELDOM)
        if self._projection is None:
            return None, _nothing
        return self._projection.decode, self._projection.extract

    def walk(self, envelope: Event, body: bytes | None) -> list[Any]:
        """Return the values of an event by a walk through all of it."""
        self._walked += 1
        members = read_members(body)
        if members is not None and len(self._paths) <= MOST_KEYS:
            self._has_learned |= self._layout.learn(members, self._paths)
        return values_of(envelope, members, self._schema, self._paths)
