"""The recorded Azure ML events (§1.4, §1.5), five types in both schemas, made events of this run."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import msgspec

from router.events.envelope import Envelope, read_envelope
from topics.events import CLOUD_EVENT_JSON, CONTENT_TYPE, EVENT_GRID_JSON, EventSchema

TYPES: Final = ("model-registered", "model-deployed", "run-completed", "run-status-changed", "dataset-drift-detected")
SCHEMAS: Final[dict[EventSchema, str]] = {"EventGridSchema": "eventgrid", "CloudEventSchemaV1_0": "cloudevents"}
CONTENT_TYPES: Final = {"EventGridSchema": EVENT_GRID_JSON, "CloudEventSchemaV1_0": CLOUD_EVENT_JSON}
SOURCE_MEMBER: Final = {"EventGridSchema": "topic", "CloudEventSchemaV1_0": "source"}


@dataclass(frozen=True, slots=True)
class Sample:
    """An event to publish: its bytes, and what they say of it."""

    schema: EventSchema
    body: bytes
    envelope: Envelope

    @property
    def id(self) -> str:
        """The event's id, new in each run."""
        return self.envelope.id


def load_samples(workspace: str, new_id: Callable[[], str]) -> list[Sample]:
    """Return the ten events as if this workspace had raised them, those of the Event Grid schema first."""
    return [_load(name, schema, workspace, new_id()) for schema in SCHEMAS for name in TYPES]


def _load(name: str, schema: EventSchema, workspace: str, event_id: str) -> Sample:
    text = (files("topics") / "examples" / "events" / f"{name}.{SCHEMAS[schema]}.json").read_bytes()
    members: dict[str, object] = dict(msgspec.json.decode(text, type=dict[str, msgspec.Raw]))
    body = msgspec.json.encode({**members, "id": event_id, SOURCE_MEMBER[schema]: workspace})
    return Sample(schema, body, read_envelope(body, [(CONTENT_TYPE, CONTENT_TYPES[schema])]))
