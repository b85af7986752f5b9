"""Paths of Azure Resource Manager, read without regard to case; empty segments (`//`) are ignored (§8.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from router.api.azure_paths import AzurePath, parse_azure_path
from router.api.groups import Group
from router.api.topic_paths import TopicPath, TopicsInGroup, parse_topic_path, unnested

EVENT_GRID: Final = "Microsoft.EventGrid"
MACHINE_LEARNING: Final = "Microsoft.MachineLearningServices"
EVENT_SUBSCRIPTIONS: Final = "eventSubscriptions"
WORKSPACES: Final = "workspaces"
EVENT_SUBSCRIPTION_ACTIONS: Final = ("getFullUrl", "getDeliveryAttributes", "getSigningSecrets", "rotateSigningSecret")
WORKSPACE_ACTIONS: Final = ("listKeys", "regenerateKey")

_ROOTS: Final = ("subscriptions", "providers", "tenants")
_ACTION_SEGMENTS: Final = 3


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
class WorkspacePath:
    """One workspace, or an action on it in its canonical spelling."""

    group: Group
    name: str
    action: str | None = None

    @property
    def id(self) -> str:
        """The workspace's resource id."""
        return f"{self.group.id}/providers/{MACHINE_LEARNING}/{WORKSPACES}/{self.name}"


@dataclass(frozen=True, slots=True)
class WorkspacesInGroup:
    """The workspaces of a group."""

    group: Group


@dataclass(frozen=True, slots=True)
class OperationPath:
    """A long-running operation: `status` answers what became of it, else only whether it is over (§8.5)."""

    id: str
    status: bool


ResourcePath = (
    EventSubscriptionPath
    | EventSubscriptionsOfSource
    | EventSubscriptionsInGroup
    | WorkspacePath
    | WorkspacesInGroup
    | OperationPath
    | TopicPath
    | TopicsInGroup
    | AzurePath
)


def is_management_path(path: str) -> bool:
    """Say whether a path belongs to Azure Resource Manager, whatever follows its first segment."""
    return path.lstrip("/").partition("/")[0].lower() in _ROOTS


def parse_path(path: str) -> ResourcePath | None:
    """Return what a path names, or None when nothing here has such a path."""
    segments = unnested([segment for segment in path.split("/") if segment])
    if (around := parse_azure_path(segments) or parse_topic_path(segments)) is not None:
        return around
    at = _last_provider(segments)
    if at is None:
        return None
    scope, provider, rest = segments[:at], segments[at + 1].lower(), segments[at + 2 :]
    if provider == EVENT_GRID.lower():
        return _event_grid_path(scope, rest)
    if provider == MACHINE_LEARNING.lower():
        return _workspace_path(scope, rest)
    return None


def event_subscription_id(source: str, name: str) -> str:
    """Return the id of the event subscription called `name` on a source; those of a system topic are under it."""
    if _is_system_topic(source):
        return f"{source}/{EVENT_SUBSCRIPTIONS}/{name}"
    return f"{source}/providers/{EVENT_GRID}/{EVENT_SUBSCRIPTIONS}/{name}"


def _last_provider(segments: Sequence[str]) -> int | None:
    """Return where the last `providers/<namespace>` begins: of an extension resource, its own (§8.1)."""
    for at in range(len(segments) - 2, -1, -1):
        if segments[at].lower() == "providers" and "." in segments[at + 1]:
            return at
    return None


def _event_grid_path(scope: Sequence[str], rest: Sequence[str]) -> ResourcePath | None:
    group = _group(scope)
    kind = rest[0].lower() if rest else ""
    if group is not None and (listed := _listed_by(group, [segment.lower() for segment in rest], rest)):
        return listed
    if kind == "systemtopics" and group is not None and len(rest) > len(("systemTopics", "name")):
        source = f"{group.id}/providers/{EVENT_GRID}/systemTopics/{rest[1]}"
        return _event_grid_path(source.strip("/").split("/"), rest[2:])
    if kind == "locations" and group is not None and group.resource_group is None:
        return _operation(rest)
    if kind != EVENT_SUBSCRIPTIONS.lower() or not scope:
        return None
    if len(rest) == 1:
        source = "/" + "/".join(scope)
        return EventSubscriptionsOfSource(source) if group is None else EventSubscriptionsInGroup(group)
    name_and_action = _name_and_action(rest, EVENT_SUBSCRIPTION_ACTIONS)
    return name_and_action and EventSubscriptionPath("/" + "/".join(scope), *name_and_action)


def _listed_by(group: Group, kinds: Sequence[str], rest: Sequence[str]) -> EventSubscriptionsInGroup | None:
    """Read the lists by location, which show everything, and by topic type (§8.1, design §8)."""
    match kinds:
        case ["locations", _, "eventsubscriptions"]:
            return EventSubscriptionsInGroup(group)
        case ["topictypes", _, "eventsubscriptions"]:
            return EventSubscriptionsInGroup(group, rest[1])
        case ["locations", _, "topictypes", _, "eventsubscriptions"]:
            return EventSubscriptionsInGroup(group, rest[3])
        case _:
            return None


def _is_system_topic(resource_id: str) -> bool:
    parts = resource_id.lower().strip("/").split("/")
    return parts[-3:-1] == [EVENT_GRID.lower(), "systemtopics"]


def _workspace_path(scope: Sequence[str], rest: Sequence[str]) -> ResourcePath | None:
    group = _group(scope)
    if group is None or not rest or rest[0].lower() != WORKSPACES:
        return None
    if len(rest) == 1:
        return WorkspacesInGroup(group)
    name_and_action = _name_and_action(rest, WORKSPACE_ACTIONS)
    if name_and_action is None or group.resource_group is None:
        return None
    return WorkspacePath(group, *name_and_action)


def _operation(rest: Sequence[str]) -> OperationPath | None:
    match [segment.lower() for segment in rest]:
        case [_, _, "operationsstatus", identity]:
            return OperationPath(identity, status=True)
        case [_, _, "operationresults", identity]:
            return OperationPath(identity, status=False)
        case _:
            return None


def _group(scope: Sequence[str]) -> Group | None:
    match [segment.lower() for segment in scope]:
        case ["subscriptions", _]:
            return Group(scope[1])
        case ["subscriptions", _, "resourcegroups", _]:
            return Group(scope[1], scope[3])
        case _:
            return None


def _name_and_action(rest: Sequence[str], actions: Sequence[str]) -> tuple[str, str | None] | None:
    """Read `<collection>/<name>[/<action>]`."""
    if len(rest) < _ACTION_SEGMENTS:
        return rest[1], None
    spellings = {action.lower(): action for action in actions}
    action = spellings.get(rest[2].lower()) if len(rest) == _ACTION_SEGMENTS else None
    return None if action is None else (rest[1], action)
