"""The table of paths (§8.1): which path names what. Read without regard to case; empty segments (`//`) are ignored."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from router.api.groups import Group
from router.api.paths import (
    EVENT_GRID,
    EVENT_SUBSCRIPTIONS,
    SYSTEM_TOPICS,
    TOPICS,
    AzureSubscriptions,
    EventSubscriptionPath,
    EventSubscriptionsInGroup,
    EventSubscriptionsOfSource,
    EventTypesOfSource,
    GroupedPath,
    Locations,
    OperationPath,
    Providers,
    ResourceGroups,
    ResourcePath,
    ResourcesInGroup,
    SystemTopicPath,
    SystemTopicsInGroup,
    Tenants,
    TopicPath,
    TopicsInGroup,
    TopicTypes,
    WorkspacePath,
    WorkspacesInGroup,
)

ONE: Final = "{}"
"""Stands for one segment, which the record is built from."""
SCOPE: Final = "{scope}"
"""Stands, in front, for one segment or more: the resource that an extension resource is on."""

KEY_ACTIONS: Final = ("listKeys", "regenerateKey")
EVENT_SUBSCRIPTION_ACTIONS: Final = ("getFullUrl", "getDeliveryAttributes", "getSigningSecrets", "rotateSigningSecret")

Build = Callable[..., ResourcePath]
Pattern = tuple[str, Build]
Grouped = WorkspacePath | TopicPath | SystemTopicPath

_ROOTS: Final = ("subscriptions", "providers", "tenants")
_SUBSCRIPTION: Final = f"subscriptions/{ONE}"
_GROUP: Final = f"{_SUBSCRIPTION}/resourceGroups/{ONE}"
_EVENT_GRID: Final = f"providers/{EVENT_GRID}"
_LOCATION: Final = f"{_EVENT_GRID}/locations/{ONE}"


def _around() -> Iterator[Pattern]:
    """Give what is Azure's and not Event Grid's."""
    yield "tenants", Tenants
    yield "subscriptions", AzureSubscriptions
    yield _SUBSCRIPTION, AzureSubscriptions
    yield f"{_SUBSCRIPTION}/locations", Locations
    yield f"{_SUBSCRIPTION}/resourceGroups", ResourceGroups
    yield _GROUP, ResourceGroups
    for group in (_SUBSCRIPTION, _GROUP):
        yield f"{group}/resources", _of_group(ResourcesInGroup)
    yield "providers", Providers
    yield f"providers/{ONE}", partial(Providers, None)
    yield f"{_SUBSCRIPTION}/providers", Providers
    yield f"{_SUBSCRIPTION}/providers/{ONE}", Providers
    for action in ("register", "unregister"):
        yield f"{_SUBSCRIPTION}/providers/{ONE}/{action}", partial(Providers, action=action)


def _topic_types() -> Iterator[Pattern]:
    types = f"{_EVENT_GRID}/topicTypes"
    yield types, TopicTypes
    yield f"{types}/{ONE}", TopicTypes
    yield f"{types}/{ONE}/eventTypes", partial(TopicTypes, event_types=True)
    yield f"{_GROUP}/providers/{ONE}/{ONE}/{ONE}/{_EVENT_GRID}/eventTypes", _event_types_of_source


def _grouped(one: type[Grouped], listed: Callable[[Group], ResourcePath], actions: Sequence[str]) -> Iterator[Pattern]:
    """Give the resources of one kind, and the lists of them."""
    for group in (_SUBSCRIPTION, _GROUP):
        yield f"{group}/providers/{one.collection}", _of_group(listed)
    path = f"{_GROUP}/providers/{one.collection}/{ONE}"
    yield path, partial(_grouped_path, one)
    for action in actions:
        yield f"{path}/{action}", partial(_grouped_path, one, action=action)


def _event_subscriptions() -> Iterator[Pattern]:
    """Give the lists first: a group is a scope too, and the list of a group has what is in it."""
    for group in (_SUBSCRIPTION, _GROUP):
        # By location, which shows everything (design §8), and by topic type.
        for middle in (_EVENT_GRID, _LOCATION):
            by_location = middle == _LOCATION
            yield f"{group}/{middle}/{EVENT_SUBSCRIPTIONS}", _listed(by_location=by_location, by_type=False)
            types = f"{group}/{middle}/topicTypes/{ONE}/{EVENT_SUBSCRIPTIONS}"
            yield types, _listed(by_location=by_location, by_type=True)
    for collection, nested in ((SYSTEM_TOPICS, SystemTopicPath), (TOPICS, TopicPath)):
        path = f"{_GROUP}/{_EVENT_GRID}/{collection}/{ONE}/{EVENT_SUBSCRIPTIONS}"
        yield from _on(path, partial(_nested, nested))
    yield from _on(f"{SCOPE}/{_EVENT_GRID}/{EVENT_SUBSCRIPTIONS}", lambda scope, *rest: (scope, *rest))


def _on(collection: str, place: Callable[..., tuple[str, ...]]) -> Iterator[Pattern]:
    """Give the subscriptions of one source; `place` makes its id, and leaves what follows."""
    yield collection, lambda *found: EventSubscriptionsOfSource(*place(*found))
    yield f"{collection}/{ONE}", partial(_event_subscription, place, None)
    for action in EVENT_SUBSCRIPTION_ACTIONS:
        yield f"{collection}/{ONE}/{action}", partial(_event_subscription, place, action)


def _operations() -> Iterator[Pattern]:
    for name, status in (("operationsStatus", True), ("operationResults", False)):
        yield (
            f"{_SUBSCRIPTION}/{_LOCATION}/{name}/{ONE}",
            lambda _subscription, _location, identity, status=status: OperationPath(identity.lower(), status),
        )


def _event_subscription(place: Callable[..., tuple[str, ...]], action: str | None, *found: str) -> ResourcePath:
    scope, name = place(*found)
    return EventSubscriptionPath(scope, name, action)


def _of_group(build: Callable[[Group], ResourcePath]) -> Build:
    return lambda *found: build(Group(*found))


def _grouped_path(
    one: type[Grouped], subscription: str, group: str, name: str, action: str | None = None
) -> ResourcePath:
    return one(Group(subscription, group), name, action)


def _nested(one: type[GroupedPath], subscription: str, group: str, name: str, *rest: str) -> tuple[str, ...]:
    return (one(Group(subscription, group), name).id, *rest)


def _listed(*, by_location: bool, by_type: bool) -> Build:
    def build(*found: str) -> ResourcePath:
        group = found[: len(found) - by_location - by_type]
        return EventSubscriptionsInGroup(Group(*group), found[-1] if by_type else None)

    return build


def _event_types_of_source(*found: str) -> ResourcePath:
    return EventTypesOfSource("/subscriptions/{}/resourceGroups/{}/providers/{}/{}/{}".format(*found))


PATTERNS: Final[tuple[Pattern, ...]] = (
    *_topic_types(),
    *_around(),
    *_grouped(WorkspacePath, WorkspacesInGroup, KEY_ACTIONS),
    *_grouped(TopicPath, TopicsInGroup, KEY_ACTIONS),
    *_grouped(SystemTopicPath, SystemTopicsInGroup, ()),
    *_operations(),
    *_event_subscriptions(),
)
"""Every path that is answered; of several that fit the first one counts."""

_SPLIT: Final = [([part.lower() for part in pattern.split("/")], build) for pattern, build in PATTERNS]


def is_management_path(path: str) -> bool:
    """Say whether a path belongs to Azure Resource Manager, whatever follows its first segment."""
    return path.lstrip("/").partition("/")[0].lower() in _ROOTS


def parse_path(path: str) -> ResourcePath | None:
    """Return what a path names, or None when nothing here has such a path."""
    segments = [segment for segment in path.split("/") if segment]
    folded = [segment.lower() for segment in segments]
    for pattern, build in _SPLIT:
        found = _captured(pattern, segments, folded)
        if found is not None:
            return build(*found)
    return None


def _captured(pattern: Sequence[str], segments: Sequence[str], folded: Sequence[str]) -> list[str] | None:
    """Return what a pattern captures of a path, None when it does not fit; the scope is read from the end."""
    has_scope = pattern[0] == SCOPE
    over = len(segments) - len(pattern)
    if over < 0 or (over and not has_scope):
        return None
    head = over + 1 if has_scope else 0
    rest = pattern[1:] if has_scope else pattern
    if any(wanted not in (ONE, given) for wanted, given in zip(rest, folded[head:], strict=True)):
        return None
    captured = [given for wanted, given in zip(rest, segments[head:], strict=True) if wanted == ONE]
    return ["/" + "/".join(segments[:head]), *captured] if has_scope else captured
