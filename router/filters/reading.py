"""Reading: the values of events by slot: by a projection, or by a walk from which the next projection learns."""

from typing import Final

from router.filters.envelopes import Event, values_of
from router.filters.layouts import Layout
from router.filters.paths import Paths, read_members
from router.filters.projection import MOST_KEYS, Projection
from router.filters.values import Values
from topics.events import EventSchema

_SELDOM: Final = 4096
_YOUNG: Final = 64
"""After so many walks without a new projection only every so many-th event is learned from."""


class Reader:
    """Reads events for all keys that some filters name: what it knows of each schema."""

    def __init__(self, paths: Paths) -> None:
        self._paths = paths
        self._schemas: dict[EventSchema, SchemaReader] = {}

    def of(self, schema: EventSchema) -> "SchemaReader":
        """Return the reader of a schema's events."""
        reader = self._schemas.get(schema)
        if reader is None:
            reader = self._schemas[schema] = SchemaReader(schema, self._paths)
        return reader


class SchemaReader:
    """Reads events of one schema, and learns how they look."""

    def __init__(self, schema: EventSchema, paths: Paths) -> None:
        self._schema: EventSchema = schema
        self._paths = paths
        self._layout = Layout(schema)
        self._projection: Projection | None = None
        self._version = 0
        self._has_learned = self._is_taught = False
        self._walked = 0
        self._patience = 1

    @property
    def projection(self) -> Projection | None:
        """How events are read; None when they must be walked."""
        if self._version != self._paths.version:
            self._version, self._projection, self._patience, self._walked = self._paths.version, None, 1, 0
            self._has_learned = self._is_taught
        if self._has_learned and self._walked >= self._patience and len(self._paths.keys) <= MOST_KEYS:
            # Making one costs as much as walking some hundred events: the more were made, the longer we wait.
            self._projection = Projection(self._layout, self._paths)
            self._has_learned, self._walked, self._patience = False, 0, min(self._patience * 2, _SELDOM)
        return self._projection

    def walk(self, envelope: Event, body: bytes | None) -> Values:
        """Return the values of an event by a walk through all of it."""
        self._walked += 1
        members = read_members(body)
        is_worth_it = self._walked < _YOUNG or self._walked % _YOUNG == 0
        if members is not None and is_worth_it and len(self._paths.keys) <= MOST_KEYS:
            self._has_learned |= self._layout.learn(members, self._paths) or not self._is_taught
            self._is_taught = True
        return values_of(envelope, members, self._schema, self._paths)
