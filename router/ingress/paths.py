"""The paths at which events are published, read without regard to case, with or without a slash at the end (§3.1)."""

from typing import Final, NamedTuple

from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import ASGIApp, Receive, Scope, Send

from router.sources.resource_ids import SourceKind

_NAMED: Final[dict[str, SourceKind]] = {"workspaces": "workspace", "topics": "custom-topic"}


class PublishPath(NamedTuple):
    """What a path names: a source, or none where the key tells which it is (design §10)."""

    kind: SourceKind = "workspace"
    name: str | None = None


_UNNAMED: Final = PublishPath()


def read_path(path: str) -> PublishPath | None:
    """Return what a publish path names, or None when it is no publish path."""
    if path in ("/api/events", "/"):
        return _UNNAMED
    match path.rstrip("/").split("/"):
        case ["", api, events] if (api.lower(), events.lower()) == ("api", "events"):
            return _UNNAMED
        case ["", collection, name, api, events] if name and (api.lower(), events.lower()) == ("api", "events"):
            kind = _NAMED.get(collection.lower())
            return None if kind is None else PublishPath(kind, name)
        case _:
            return None


def is_publish_path(path: str) -> bool:
    """Say whether a path is one of the publish endpoint's."""
    return read_path(path) is not None


class PublishRoute(BaseRoute):
    """Takes every publish path with every verb; there is nothing to redirect."""

    def __init__(self, endpoint: ASGIApp) -> None:
        self.endpoint = endpoint

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether the path is one of the publish endpoint's."""
        if scope["type"] == "http" and is_publish_path(scope["path"]):
            return Match.FULL, {}
        return Match.NONE, {}

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """Raise: these paths have no names."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        await self.endpoint(scope, receive, send)
