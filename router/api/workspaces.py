"""Workspaces: the sources of events as ARM resources, each with two access keys (design §8)."""

import re
from http import HTTPStatus
from typing import Final, cast

import structlog

from router.api.answers import Answer, Json
from router.api.calls import Call
from router.api.json_bodies import Members, read_object, refused
from router.api.pages import page
from router.api.paths import WorkspacePath, WorkspacesInGroup
from router.api.tags import read_tags
from router.errors import NotFoundError
from router.resources.store import ResourceStore
from router.sources.store import KeyName, SourceStore
from router.subscriptions.store import SubscriptionStore
from topics import Source
from topics.resources import SystemTopic

log = structlog.get_logger(__name__)

KEY_NAMES: Final = ("key1", "key2")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{2,32}\Z")


class Workspaces:
    """The requests on workspaces; every method may raise the errors of `router.errors`."""

    def __init__(self, store: SourceStore, subscriptions: SubscriptionStore, resources: ResourceStore) -> None:
        self._store = store
        self._resources = resources
        self._subscriptions = subscriptions

    async def put(self, call: Call, path: WorkspacePath) -> Answer:
        """Create a workspace, or change one: it keeps its keys."""
        if not _NAME.match(path.name):
            raise refused(
                "name", path.name, "3 to 33 of the characters A-Z, a-z, 0-9, '_' and '-', the first a letter or digit"
            )
        given = read_object(call.body) if call.body.strip() else Members({})
        location, tags = given.text("location") or "local", read_tags(given)
        is_new = self._store.view.get(path.id) is None
        source = await self._store.create(path.id, kind="workspace", location=location, tags=tags)
        log.info("workspace.created" if is_new else "workspace.updated", workspace=source.id)
        return Answer(HTTPStatus.CREATED if is_new else HTTPStatus.OK, workspace_json(source))

    async def get(self, _call: Call, path: WorkspacePath) -> Answer:
        """Show a workspace."""
        return Answer(HTTPStatus.OK, workspace_json(self._stored(path)))

    async def delete(self, _call: Call, path: WorkspacePath) -> Answer:
        """Delete a workspace with its event subscriptions and system topic; the topics of subscribers stay.

        What a delete that was interrupted has left behind, the next one takes along.
        """
        source = self._store.view.get(path.id)
        if source is not None:
            await self._store.delete(source.id)
        orphans = [one.id for one in self._subscriptions.view.all() if one.source.lower() == path.id.lower()]
        await self._subscriptions.delete(orphans)
        for topic in self._resources.view.all(SystemTopic):
            if topic.source.lower() == path.id.lower():
                await self._resources.delete(topic.id)
        if source is None:
            return Answer(HTTPStatus.NO_CONTENT)
        log.info("workspace.deleted", workspace=source.id, subscriptions=len(orphans))
        return Answer(HTTPStatus.OK)

    async def list_in_group(self, call: Call, path: WorkspacesInGroup) -> Answer:
        """List the workspaces of a group."""
        found = (one for one in self._store.view.all() if one.kind == "workspace" and path.group.holds(one.id))
        return Answer(HTTPStatus.OK, page(call, found, workspace_json))

    async def list_keys(self, _call: Call, path: WorkspacePath) -> Answer:
        """Show the two keys."""
        return self._keys(self._stored(path))

    async def regenerate_key(self, call: Call, path: WorkspacePath) -> Answer:
        """Make one key anew; the old one stops working, the other key goes on."""
        source, members = self._stored(path), call.members()
        name = members.choice("keyName", KEY_NAMES)
        if name is None:
            raise refused("keyName", None, f"one of {', '.join(KEY_NAMES)}")
        log.info("workspace.key_regenerated", workspace=source.id, key=name)
        return self._keys(await self._store.regenerate(source.id, cast(KeyName, name)))

    def _stored(self, path: WorkspacePath) -> Source:
        source = self._store.view.get(path.id)
        if source is None or source.kind != "workspace":
            message = f"The workspace '{path.name[:80]}' was not found in '{path.group.id}'."
            raise NotFoundError(message, target=path.id)
        return source

    def _keys(self, source: Source) -> Answer:
        return Answer(HTTPStatus.OK, dict(self._store.view.keys(source)._asdict()))


def workspace_json(source: Source) -> Json:
    """Return a workspace as ARM shows it."""
    return {
        "id": source.id,
        "name": source.name,
        "type": WorkspacePath.collection,
        "location": source.location,
        "tags": source.tags,
        "properties": {"friendlyName": source.name, "provisioningState": "Succeeded"},
    }
