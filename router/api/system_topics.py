"""System topics (§8.1, §8.2): another name of a workspace as a source of events."""

import re
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import NAMESPACE_URL, uuid5

import structlog

from router.api.answers import Answer, Json
from router.api.calls import Call
from router.api.json_bodies import Members, refused
from router.api.operations import Operations
from router.api.pages import page
from router.api.paths import SystemTopicPath, SystemTopicsInGroup, event_subscription_id
from router.api.tags import read_tags
from router.api.topic_types import ML_TOPIC_TYPE
from router.errors import ConflictError, ForbiddenError, NotFoundError
from router.resources.store import ResourceStore
from router.sources.view import SourcesView
from router.subscriptions.store import SubscriptionStore
from topics.resources import SystemTopic

log = structlog.get_logger(__name__)

_NAME: Final = re.compile(r"[A-Za-z0-9-]{3,50}\Z")


class SystemTopics:
    """The requests on system topics; every method may raise the errors of `router.errors`."""

    def __init__(
        self,
        resources: ResourceStore,
        sources: SourcesView,
        subscriptions: SubscriptionStore,
        operations: Operations,
        now: Callable[[], datetime],
    ) -> None:
        self._resources = resources
        self._sources = sources
        self._subscriptions = subscriptions
        self._operations = operations
        self._now = now

    async def put(self, call: Call, path: SystemTopicPath) -> Answer:
        """Create a system topic for a workspace, or change its tags; a workspace has one at most."""
        if not _NAME.match(path.name):
            raise refused("name", path.name, "3 to 50 of the characters A-Z, a-z, 0-9 and '-'")
        given = call.members()
        properties, former = given.needed_members("properties"), self._resources.view.get(SystemTopic, path.id)
        source = self._source(call, properties)
        self._refuse_second(path, source)
        if former is not None and former.source.lower() != source.lower():
            message = f"properties.source: it cannot be changed; it is '{former.source}'."
            raise ConflictError(message, target="properties.source")
        topic = SystemTopic(
            id=former.id if former else path.id,
            name=former.name if former else path.name,
            source=source,
            topic_type=ML_TOPIC_TYPE,
            location=given.text("location") or "local",
            tags=read_tags(given),
            identity=None if given.members("identity") is None else given.value("identity"),
            created_at=former.created_at if former else self._now(),
        )
        await self._resources.put(topic)
        log.info("system_topic.updated" if former else "system_topic.created", topic=topic.id, source=source)
        return self._under_way(call, topic, HTTPStatus.CREATED, "Updating" if former else "Creating")

    async def patch(self, call: Call, path: SystemTopicPath) -> Answer:
        """Change tags or identity."""
        stored, given = self._stored(path), call.members()
        changes: Json = {}
        if "tags" in given:
            changes["tags"] = read_tags(given)
        if "identity" in given:
            changes["identity"] = None if given.members("identity") is None else given.value("identity")
        topic = stored.model_copy(update=changes)
        await self._resources.put(topic)
        return self._under_way(call, topic, HTTPStatus.CREATED, "Updating")

    async def get(self, _call: Call, path: SystemTopicPath) -> Answer:
        """Show a system topic."""
        return Answer(HTTPStatus.OK, _shown(self._stored(path)))

    async def list_in_group(self, call: Call, path: SystemTopicsInGroup) -> Answer:
        """List the system topics of a group."""
        found = (one for one in self._resources.view.all(SystemTopic) if path.group.holds(one.id))
        return Answer(HTTPStatus.OK, page(call, found, _shown))

    async def delete(self, call: Call, path: SystemTopicPath) -> Answer:
        """Delete a system topic with the event subscriptions that are under it; those of its workspace stay.

        What a delete that was interrupted has left behind, the next one takes along.
        """
        topic = self._resources.view.get(SystemTopic, path.id)
        if topic is not None:
            await self._resources.delete(topic.id)
        below = event_subscription_id(path.id, "").lower()
        orphans = [one.id for one in self._subscriptions.view.all() if one.id.lower().startswith(below)]
        await self._subscriptions.delete(orphans)
        if topic is None:
            return Answer(HTTPStatus.NO_CONTENT)
        log.info("system_topic.deleted", topic=topic.id, subscriptions=len(orphans))
        operation = self._operations.begin(topic.id, "Succeeded")
        headers = self._operations.headers(call, operation, path.group.subscription)
        location = self._operations.result_url(call, operation, path.group.subscription)
        return Answer(HTTPStatus.ACCEPTED, headers={**headers, "Location": location})

    def _source(self, call: Call, properties: Members) -> str:
        kind, target = properties.needed_text("topicType"), properties.target_of("topicType")
        if kind.lower() != ML_TOPIC_TYPE.lower():
            raise refused(target, kind, ML_TOPIC_TYPE)
        resource_id = properties.needed_text("source")
        source = self._sources.get(resource_id)
        if source is None or source.kind != "workspace":
            message = f"The source '{resource_id[:300]}' was not found."
            raise NotFoundError(message, target=properties.target_of("source"))
        # Whoever may have the topic may have the events: the source has to be theirs as well.
        if not call.caller.may("write", source.id):
            raise ForbiddenError(f"The source '{source.id}' is not one that you may write to.")
        return source.id

    def _refuse_second(self, path: SystemTopicPath, source: str) -> None:
        for one in self._resources.view.all(SystemTopic):
            if one.source.lower() == source.lower() and one.id.lower() != path.id.lower():
                message = f"Only one system topic is allowed per source; '{one.name}' has '{source}'."
                raise ConflictError(message, target="properties.source")

    def _stored(self, path: SystemTopicPath) -> SystemTopic:
        found = self._resources.view.get(SystemTopic, path.id)
        if found is None:
            message = f"The system topic '{path.name[:80]}' was not found in '{path.group.id}'."
            raise NotFoundError(message, target=path.id)
        return found

    def _under_way(self, call: Call, topic: SystemTopic, status: HTTPStatus, state: str) -> Answer:
        operation = self._operations.begin(topic.id, "Succeeded")
        headers = self._operations.headers(call, operation, topic.id.split("/")[2])
        return Answer(status, _shown(topic, state), headers)


def _shown(topic: SystemTopic, state: str = "Succeeded") -> Json:
    return {
        "id": topic.id,
        "name": topic.name,
        "type": SystemTopicPath.collection,
        "location": topic.location,
        "tags": topic.tags,
        "identity": topic.identity,
        "systemData": None,
        "properties": {
            "provisioningState": state,
            "source": topic.source,
            "topicType": topic.topic_type,
            "metricResourceId": str(uuid5(NAMESPACE_URL, topic.id.lower())),
        },
    }
