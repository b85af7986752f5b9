"""Paths around Event Grid's own: what `az` asks of Azure before and beside it (design §8), and system topics (§8.1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from router.api.groups import Group

_CAPTURE: Final = "{}"
_EVENT_GRID: Final = "Microsoft.EventGrid"


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
class Providers:
    """The resource providers, or one; `action` is `register` or `unregister`."""

    subscription: str | None
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
class SystemTopicPath:
    """One system topic."""

    group: Group
    name: str

    @property
    def id(self) -> str:
        """The system topic's resource id."""
        return f"{self.group.id}/providers/{_EVENT_GRID}/systemTopics/{self.name}"


@dataclass(frozen=True, slots=True)
class SystemTopicsInGroup:
    """The system topics of a group."""

    group: Group


AzurePath = (
    Tenants
    | AzureSubscriptions
    | Locations
    | ResourceGroups
    | Providers
    | TopicTypes
    | EventTypesOfSource
    | SystemTopicPath
    | SystemTopicsInGroup
)

_SUBSCRIPTION: Final = "subscriptions/{}"
_GROUP: Final = "subscriptions/{}/resourceGroups/{}"
_PATTERNS: Final[tuple[tuple[str, Callable[..., AzurePath]], ...]] = (
    ("tenants", Tenants),
    ("subscriptions", AzureSubscriptions),
    (_SUBSCRIPTION, AzureSubscriptions),
    (f"{_SUBSCRIPTION}/locations", Locations),
    (f"{_SUBSCRIPTION}/resourceGroups", ResourceGroups),
    (_GROUP, ResourceGroups),
    ("providers", lambda: Providers(None)),
    (f"providers/{_EVENT_GRID}/topicTypes", TopicTypes),
    (f"providers/{_EVENT_GRID}/topicTypes/{{}}", TopicTypes),
    (f"providers/{_EVENT_GRID}/topicTypes/{{}}/eventTypes", lambda name: TopicTypes(name, event_types=True)),
    ("providers/{}", lambda namespace: Providers(None, namespace)),
    (f"{_SUBSCRIPTION}/providers", Providers),
    (f"{_SUBSCRIPTION}/providers/{{}}", Providers),
    (f"{_SUBSCRIPTION}/providers/{{}}/register", lambda name, namespace: Providers(name, namespace, "register")),
    (f"{_SUBSCRIPTION}/providers/{{}}/unregister", lambda name, namespace: Providers(name, namespace, "unregister")),
    (f"{_SUBSCRIPTION}/providers/{_EVENT_GRID}/systemTopics", lambda name: SystemTopicsInGroup(Group(name))),
    (f"{_GROUP}/providers/{_EVENT_GRID}/systemTopics", lambda *found: SystemTopicsInGroup(Group(*found))),
    (
        f"{_GROUP}/providers/{_EVENT_GRID}/systemTopics/{{}}",
        lambda subscription, group, name: SystemTopicPath(Group(subscription, group), name),
    ),
    (
        f"{_GROUP}/providers/{{}}/{{}}/{{}}/providers/{_EVENT_GRID}/eventTypes",
        lambda *found: EventTypesOfSource("/subscriptions/{}/resourceGroups/{}/providers/{}/{}/{}".format(*found)),
    ),
)
_SPLIT: Final = [([part.lower() for part in pattern.split("/")], build) for pattern, build in _PATTERNS]


def parse_azure_path(segments: Sequence[str]) -> AzurePath | None:
    """Return what the segments of a path name, or None when it is none of these."""
    for pattern, build in _SPLIT:
        if len(pattern) == len(segments) and all(
            wanted in (_CAPTURE, given.lower()) for wanted, given in zip(pattern, segments, strict=True)
        ):
            return build(*(given for wanted, given in zip(pattern, segments, strict=True) if wanted == _CAPTURE))
    return None
