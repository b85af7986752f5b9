"""What the paths of Azure Resource Manager name (§8.1): each a record of what its path says; and ids of resources."""

from dataclasses import dataclass
from typing import ClassVar, Final

from router.api.groups import Group

EVENT_GRID: Final = "Microsoft.EventGrid"
MACHINE_LEARNING: Final = "Microsoft.MachineLearningServices"
EVENT_SUBSCRIPTIONS: Final = "eventSubscriptions"
SYSTEM_TOPICS: Final = "systemTopics"
TOPICS: Final = "topics"
WORKSPACES: Final = "workspaces"


@dataclass(frozen=True, slots=True)
class Tenants:
    """The tenants; there is one."""


@dataclass(frozen=True, slots=True)
class AzureSubscriptions:
    """All Azure subscriptions, or the one called `name`."""

    name: str | None = None


@dataclass(frozen=True, slots=True)
class Locations:
    """The locations of an Azure subscription; there is one."""

    subscription: str


@dataclass(frozen=True, slots=True)
class ResourceGroups:
    """The resource groups of an Azure subscription, or the one called `name`."""

    subscription: str
    name: str | None = None


@dataclass(frozen=True, slots=True)
class ResourcesInGroup:
    """Everything in a group: workspaces, topics and system topics."""

    group: Group


@dataclass(frozen=True, slots=True)
class Providers:
    """The resource providers, or one; `action` is `register` or `unregister`."""

    subscription: str | None = None
    namespace: str | None = None
    action: str | None = None


@dataclass(frozen=True, slots=True)
class TopicTypes:
    """The topic types, one of them, or the event types of one."""

    name: str | None = None
    event_types: bool = False


@dataclass(frozen=True, slots=True)
class EventTypesOfSource:
    """The event types that a source raises."""

    scope: str


@dataclass(frozen=True, slots=True)
class EventSubscriptionPath:
    """One event subscription of the source `scope`, or an action on it in its canonical spelling."""

    scope: str
    name: str
    action: str | None = None


@dataclass(frozen=True, slots=True)
class EventSubscriptionsOfSource:
    """The event subscriptions of the source `scope`."""

    scope: str


@dataclass(frozen=True, slots=True)
class EventSubscriptionsInGroup:
    """The event subscriptions of every source in a group, be it of one topic type."""

    group: Group
    topic_type: str | None = None


@dataclass(frozen=True, slots=True)
class GroupedPath:
    """One resource of a group, or an action on it in its canonical spelling."""

    group: Group
    name: str
    action: str | None = None
    collection: ClassVar[str]

    @property
    def id(self) -> str:
        """The resource's id."""
        return f"{self.group.id}/providers/{self.collection}/{self.name}"


@dataclass(frozen=True, slots=True)
class WorkspacePath(GroupedPath):
    """One workspace, or an action on it."""

    collection = f"{MACHINE_LEARNING}/{WORKSPACES}"


@dataclass(frozen=True, slots=True)
class TopicPath(GroupedPath):
    """One custom topic, or an action on it."""

    collection = f"{EVENT_GRID}/{TOPICS}"


@dataclass(frozen=True, slots=True)
class SystemTopicPath(GroupedPath):
    """One system topic."""

    collection = f"{EVENT_GRID}/{SYSTEM_TOPICS}"


@dataclass(frozen=True, slots=True)
class WorkspacesInGroup:
    """The workspaces of a group."""

    group: Group


@dataclass(frozen=True, slots=True)
class TopicsInGroup:
    """The custom topics of a group."""

    group: Group


@dataclass(frozen=True, slots=True)
class SystemTopicsInGroup:
    """The system topics of a group."""

    group: Group


@dataclass(frozen=True, slots=True)
class OperationPath:
    """A long-running operation: `status` answers what became of it, else only whether it is over (§8.5)."""

    id: str
    status: bool


ResourcePath = (
    Tenants
    | AzureSubscriptions
    | Locations
    | ResourceGroups
    | ResourcesInGroup
    | Providers
    | TopicTypes
    | EventTypesOfSource
    | EventSubscriptionPath
    | EventSubscriptionsOfSource
    | EventSubscriptionsInGroup
    | WorkspacePath
    | WorkspacesInGroup
    | TopicPath
    | TopicsInGroup
    | SystemTopicPath
    | SystemTopicsInGroup
    | OperationPath
)


def event_subscription_id(source: str, name: str) -> str:
    """Return the id of the event subscription called `name` on a source; those of a system topic are under it."""
    parts = source.lower().strip("/").split("/")
    if parts[-3:-1] == [EVENT_GRID.lower(), SYSTEM_TOPICS.lower()]:
        return f"{source}/{EVENT_SUBSCRIPTIONS}/{name}"
    return f"{source}/providers/{EVENT_GRID}/{EVENT_SUBSCRIPTIONS}/{name}"
