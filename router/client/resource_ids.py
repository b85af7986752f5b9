"""Resource ids of what lives on this machine (design §9, reference §8.1), and the api-versions to ask for them."""

from typing import Final
from urllib.parse import quote

from router.errors import RefusedError

LOCAL_GROUP: Final = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
"""The resource group in which `router up` keeps its workspace."""

WORKSPACES: Final = "providers/Microsoft.MachineLearningServices/workspaces"
CUSTOM_TOPICS: Final = "providers/Microsoft.EventGrid/topics"
EVENT_SUBSCRIPTIONS: Final = "providers/Microsoft.EventGrid/eventSubscriptions"
EVENT_GRID_VERSION: Final = {"api-version": "2025-02-15"}
WORKSPACES_VERSION: Final = {"api-version": "2024-10-01"}
EVENT_HUBS: Final = "providers/Microsoft.EventHub/namespaces/local/eventhubs"


def workspace_id(name: str, group: str = LOCAL_GROUP) -> str:
    """Return the id of a workspace; what is an id already stays as it is."""
    return name.rstrip("/") if name.startswith("/") else f"{group}/{WORKSPACES}/{segment(name)}"


def custom_topic_id(name: str, group: str = LOCAL_GROUP) -> str:
    """Return the id of a custom topic; what is an id already stays as it is."""
    return name.rstrip("/") if name.startswith("/") else f"{group}/{CUSTOM_TOPICS}/{segment(name)}"


def event_subscription_id(source: str, name: str) -> str:
    """Return the id of the event subscription called `name` on a source."""
    return f"{source.rstrip('/')}/{EVENT_SUBSCRIPTIONS}/{segment(name)}"


def local_event_hub_id(name: str) -> str:
    """Return the id of the event hub that stands for the topic `subscriber.<name>` (design §8)."""
    return f"{LOCAL_GROUP}/{EVENT_HUBS}/{name}"


def segment(name: str) -> str:
    """Return a name as one part of a path.

    Raises:
        RefusedError: it is empty, which would name the whole collection.
    """
    if not name:
        raise RefusedError("a name or an id is empty", hint="Is a variable of the shell not set?")
    return quote(name, safe="")


def last_segment(resource_id: str) -> str:
    """Return the name at the end of a resource id."""
    return resource_id.rstrip("/").rpartition("/")[2]
