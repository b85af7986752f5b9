"""Envelopes: what an event says of itself, and its values by slot."""

from typing import Final, Protocol

from router.filters.clauses import Clause
from router.filters.operators import BASIC, EVENT_TYPE_IN
from router.filters.paths import SUBJECT_SLOT, TYPE_SLOT, Members, Paths
from router.filters.values import Sparse, Values
from topics.events import EventSchema

_MANY: Final = 256
ATTRIBUTES: Final[dict[EventSchema, dict[str, str]]] = {
    "EventGridSchema": {
        "id": "id",
        "topic": "source",
        "subject": "subject",
        "eventType": "type",
        "eventTime": "time",
        "dataVersion": "data_version",
    },
    "CloudEventSchemaV1_0": {"id": "id", "source": "source", "type": "type", "subject": "subject", "time": "time"},
}
"""The members of each schema's envelope, and the attributes that an `Event` may have for them."""


class Event(Protocol):
    """What the engine needs to know of an event; where there is more, `schema` says which names its members have."""

    @property
    def type(self) -> str:
        """The event's type."""
        ...

    @property
    def subject(self) -> str | None:
        """The event's subject; none counts as empty."""
        ...


def slot_of(clause: Clause, paths: Paths) -> int:
    """Return the slot of the value that a clause looks at."""
    if clause.operator in BASIC:
        return TYPE_SLOT if clause.operator == EVENT_TYPE_IN else SUBJECT_SLOT
    return paths.slot_of(clause.path)


def schema_of(envelope: Event) -> EventSchema:
    """Return the schema of an event."""
    schema: EventSchema = getattr(envelope, "schema", "EventGridSchema")
    return schema


def values_of(
    envelope: Event, members: Members | None, schema: EventSchema, paths: Paths, absent: object = None
) -> Values:
    """Return the values that an event has, by slot; one without members that can be read has only its envelope."""
    values: Values = Sparse() if len(paths) > _MANY and absent is None else [absent] * len(paths)
    paths.read(_members(envelope, schema) if members is None else members, schema, values)
    values[TYPE_SLOT] = envelope.type
    values[SUBJECT_SLOT] = envelope.subject or ""
    return values


def _members(envelope: Event, schema: EventSchema) -> Members:
    given = {name: getattr(envelope, field, None) for name, field in ATTRIBUTES[schema].items()}
    return {name: value for name, value in given.items() if value is not None}
