"""Paths of custom topics (§8.1), read without regard to case."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from router.api.groups import Group

EVENT_GRID: Final = "Microsoft.EventGrid"
TOPICS: Final = "topics"
TOPIC_ACTIONS: Final = ("listKeys", "regenerateKey")
_EVENT_SUBSCRIPTIONS: Final = "eventsubscriptions"
_SPELLINGS: Final = {action.lower(): action for action in TOPIC_ACTIONS}


@dataclass(frozen=True, slots=True)
class TopicPath:
    """One custom topic, or an action on it in its canonical spelling."""

    group: Group
    name: str
    action: str | None = None

    @property
    def id(self) -> str:
        """The topic's resource id."""
        return f"{self.group.id}/providers/{EVENT_GRID}/{TOPICS}/{self.name}"


@dataclass(frozen=True, slots=True)
class TopicsInGroup:
    """The custom topics of a group."""

    group: Group


def parse_topic_path(segments: Sequence[str]) -> TopicPath | TopicsInGroup | None:
    """Return what the segments of a path name, or None when it is neither a topic nor a list of topics."""
    match [segment.lower() for segment in segments]:
        case ["subscriptions", _, "providers", "microsoft.eventgrid", "topics"]:
            return TopicsInGroup(Group(segments[1]))
        case ["subscriptions", _, "resourcegroups", _, "providers", "microsoft.eventgrid", "topics", *rest]:
            group = Group(segments[1], segments[3])
            return _in_group(group, segments[-len(rest) :] if rest else ())
        case _:
            return None


def unnested(segments: Sequence[str]) -> Sequence[str]:
    """Return `…/topics/<name>/eventSubscriptions/…` as the extension resource of the topic, which is the same thing."""
    match [segment.lower() for segment in segments]:
        case [_, _, _, _, "providers", "microsoft.eventgrid", "topics", _, nested, *_] if (
            nested == _EVENT_SUBSCRIPTIONS
        ):
            return [*segments[:8], "providers", EVENT_GRID, *segments[8:]]
        case _:
            return segments


def _in_group(group: Group, rest: Sequence[str]) -> TopicPath | TopicsInGroup | None:
    """Read `[<name>[/<action>]]`."""
    match rest:
        case []:
            return TopicsInGroup(group)
        case [name]:
            return TopicPath(group, name)
        case [name, action] if action.lower() in _SPELLINGS:
            return TopicPath(group, name, _SPELLINGS[action.lower()])
        case _:
            return None
