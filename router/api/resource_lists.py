"""`…/resources`: everything of a group that Azure would bill, as `az resource list` shows it (design §8)."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from router.api.answers import Answer, Json
from router.api.calls import Call
from router.api.pages import page
from router.api.paths import ResourcesInGroup, SystemTopicPath, TopicPath, WorkspacePath
from router.resources.view import ResourcesView
from router.sources.view import SourcesView
from topics import Source
from topics.resources import SystemTopic

Tracked = Source | SystemTopic


def _type_of(one: Tracked) -> str:
    if isinstance(one, SystemTopic):
        return SystemTopicPath.collection
    return WorkspacePath.collection if one.kind == "workspace" else TopicPath.collection


FIELDS: Final[dict[str, Callable[[Tracked], str]]] = {
    "name": lambda one: one.name,
    "resourceType": _type_of,
    "resourceGroup": lambda one: one.id.split("/")[4],
    "location": lambda one: one.location,
}


class ResourceLists:
    """The requests on all resources together, whatever their kind."""

    def __init__(self, sources: SourcesView, resources: ResourcesView) -> None:
        self._sources = sources
        self._resources = resources

    async def list_in_group(self, call: Call, path: ResourcesInGroup) -> Answer:
        """List what a group has and the caller may look at; raises RefusedError for a bad `$filter`."""
        everything: list[Tracked] = [*self._sources.all(), *self._resources.all(SystemTopic)]
        found = (one for one in everything if path.group.holds(one.id) and call.caller.may("read", one.id))
        return Answer(HTTPStatus.OK, page(call, found, _shown, fields=FIELDS))


def _shown(one: Tracked) -> Json:
    moment = one.created_at.isoformat()
    return {
        "id": one.id,
        "name": one.name,
        "type": _type_of(one),
        "location": one.location,
        "tags": one.tags,
        "createdTime": moment,
        "changedTime": moment,
        "provisioningState": "Succeeded",
    }
