"""workspace.events: every accepted event, once, as its bytes came.

Event Grid's schema: reference §2.1; CloudEvents 1.0: §2.2; the five ML types: §1.1.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, Literal

from pydantic import Field

from topics.record import Record
from topics.topic import Topic

WORKSPACE_EVENTS = Topic(
    name="workspace.events",
    key="event subject",
    value="the event's JSON as accepted",
    partitions=4,
    cleanup="delete",
    retention=timedelta(days=7),
    written_by=("ingress",),
    read_by=("fanout",),
)

CONTENT_TYPE: Final = "content-type"
CE_ID: Final = "ce_id"
CE_TYPE: Final = "ce_type"
CE_SOURCE: Final = "ce_source"
CE_SUBJECT: Final = "ce_subject"
CE_TIME: Final = "ce_time"
CE_SPECVERSION: Final = "ce_specversion"
ROUTER_SOURCE: Final = "router-source"
"""Names the workspace or topic of a CloudEvent whose own `source` is something else."""

EVENT_GRID_JSON: Final = b"application/json; charset=utf-8"
CLOUD_EVENT_JSON: Final = b"application/cloudevents+json; charset=utf-8"
CLOUD_EVENT_BATCH_JSON: Final = b"application/cloudevents-batch+json; charset=utf-8"
CLOUD_EVENTS_MEDIA_TYPE: Final = b"application/cloudevents+json"

EventSchema = Literal["EventGridSchema", "CloudEventSchemaV1_0"]
"""The two schemas in which an event travels; their names are Event Grid's (§2.3)."""

DeliverySchema = Literal["EventGridSchema", "CloudEventSchemaV1_0", "CustomInputSchema"]
"""The schemas in which a subscription may have its events; the last one is its topic's own (§2.4)."""

MACHINE_LEARNING: Final = "Microsoft.MachineLearningServices."
WORKSPACE_TOPIC_TYPE: Final = "Microsoft.MachineLearningServices.Workspaces"


@dataclass(frozen=True, slots=True)
class EventType:
    """An event type that a workspace raises, and when it does."""

    name: str
    display_name: str
    description: str


EVENT_TYPES: Final = (
    EventType(
        MACHINE_LEARNING + "ModelRegistered",
        "Model registered",
        "Raised when a new model or a new model version was registered.",
    ),
    EventType(
        MACHINE_LEARNING + "ModelDeployed",
        "Model deployed",
        "Raised when one or more models were deployed to an endpoint.",
    ),
    EventType(
        MACHINE_LEARNING + "RunCompleted",
        "Run completed",
        "Raised when a run ended successfully.",
    ),
    EventType(
        MACHINE_LEARNING + "RunStatusChanged",
        "Run status changed",
        "Raised when the status of a run changed.",
    ),
    EventType(
        MACHINE_LEARNING + "DatasetDriftDetected",
        "Dataset drift detected",
        "Raised when a dataset drift monitor found drift.",
    ),
)


class EventGridEvent(Record):
    """An event in the Event Grid schema (§2.1)."""

    id: str
    subject: str
    event_type: str = Field(alias="eventType")
    event_time: str = Field(alias="eventTime")
    topic: str | None = None
    data: Any = None
    data_version: str = Field(default="", alias="dataVersion")
    metadata_version: str = Field(default="1", alias="metadataVersion")


class CloudEvent(Record):
    """An event in the CloudEvents 1.0 schema (§2.2)."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    data: Any = None
