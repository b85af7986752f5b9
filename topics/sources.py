"""router.sources: workspaces and custom topics, with their sealed keys. Compacted, so the topic is the store."""

from datetime import datetime
from typing import Any, Literal

from topics.record import Record
from topics.topic import Topic

SOURCES = Topic(
    name="router.sources",
    key="resource id",
    value="Source; a tombstone means deleted",
    partitions=1,
    cleanup="compact",
    written_by=("management",),
    read_by=("ingress", "management"),
)

InputSchema = Literal["EventGridSchema", "CloudEventSchemaV1_0", "CustomEventSchema"]


class Source(Record):
    """Something that events come from; both keys are sealed (encrypted), either of them lets publish."""

    id: str
    name: str
    kind: Literal["workspace", "custom-topic"]
    sealed_key1: str
    sealed_key2: str
    input_schema: InputSchema | None = None
    input_schema_mapping: dict[str, Any] | None = None
    location: str = "local"
    tags: dict[str, str] | None = None
    created_at: datetime


def source_key(resource_id: str) -> bytes:
    """Return the record key: resource ids are compared without regard to case (§8.1)."""
    return resource_id.lower().encode()
