"""Resource ids of sources (§8.1): built, and taken apart without regard to case."""

import re
from typing import Final, Literal, NamedTuple

SourceKind = Literal["workspace", "custom-topic"]

_LOCAL_GROUP: Final = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
_PROVIDERS: Final[dict[str, SourceKind]] = {
    "microsoft.machinelearningservices/workspaces": "workspace",
    "microsoft.eventgrid/topics": "custom-topic",
}
_SHAPE = re.compile(
    r"/subscriptions/[^/]{1,90}/resourceGroups/[^/]{1,90}/providers/(?P<type>[^/]+/[^/]+)/(?P<name>[A-Za-z0-9._-]{1,64})",
    re.IGNORECASE,
)
RULE: Final = (
    "/subscriptions/<id>/resourceGroups/<group>/providers/"
    "Microsoft.MachineLearningServices/workspaces/<name> or …/Microsoft.EventGrid/topics/<name>, "
    "the name being 1 to 64 of the characters A-Z, a-z, 0-9, '.', '_' and '-'"
)


class SourceName(NamedTuple):
    """What a source's resource id says: its kind and its name."""

    kind: SourceKind
    name: str


def workspace_id(name: str) -> str:
    """Return the resource id of a workspace of this installation."""
    return f"{_LOCAL_GROUP}/providers/Microsoft.MachineLearningServices/workspaces/{name}"


def custom_topic_id(name: str) -> str:
    """Return the resource id of a custom topic of this installation."""
    return f"{_LOCAL_GROUP}/providers/Microsoft.EventGrid/topics/{name}"


LOCAL_WORKSPACE: Final = workspace_id("local")
"""The workspace that every installation has."""


def source_name(resource_id: str) -> SourceName | None:
    """Return kind and name of a source's resource id; None when it is no such id."""
    found = _SHAPE.fullmatch(resource_id)
    kind = _PROVIDERS.get(found["type"].lower()) if found else None
    return SourceName(kind, found["name"]) if found and kind else None
