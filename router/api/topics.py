"""Custom topics (§8.1, §8.4): sources of events of any kind, each with an input schema and two access keys."""

import re
from http import HTTPStatus
from typing import Final, cast, get_args
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

import structlog

from router.api.answers import Answer, Json
from router.api.calls import Call
from router.api.input_schemas import read_input_schema
from router.api.json_bodies import Members, refused
from router.api.operations import Operations
from router.api.pages import page
from router.api.paths import TopicPath, TopicsInGroup
from router.api.tags import read_tags
from router.errors import NotFoundError, RefusedError
from router.sources.store import KeyName, SourceStore
from router.subscriptions.store import SubscriptionStore
from topics import Source
from topics.sources import InputSchema

log = structlog.get_logger(__name__)

KEY_NAMES: Final = get_args(KeyName)

_NAME: Final = re.compile(r"[A-Za-z0-9-]+\Z")
_ONLY: Final = {"publicNetworkAccess": "Enabled", "inboundIpRules": "[]", "disableLocalAuth": "false"}
_LENGTHS: Final = range(3, 51)
_RESERVED: Final = ("microsoft", "eventgrid", "system")


class Topics:
    """The requests on custom topics; every method may raise the errors of `router.errors`."""

    def __init__(self, store: SourceStore, subscriptions: SubscriptionStore, operations: Operations) -> None:
        self._store = store
        self._subscriptions = subscriptions
        self._operations = operations

    async def put(self, call: Call, path: TopicPath) -> Answer:
        """Create a custom topic, or give one a new definition: it keeps its keys."""
        _check_name(path.name)
        given = call.members()
        _refuse_unsupported(given)
        former = self._store.view.get(path.id)
        schema, mapping = read_input_schema(given.members("properties") or Members({}, "properties"))
        if former is not None and former.input_schema != schema:
            raise RefusedError(
                f"properties.inputSchema: it cannot be changed; it is {former.input_schema}.",
                target="properties.inputSchema",
            )
        source = await self._store.create(
            path.id,
            kind="custom-topic",
            input_schema=schema,
            input_schema_mapping=mapping,
            location=given.text("location") or "local",
            tags=read_tags(given),
        )
        log.info("topic.updated" if former else "topic.created", topic=source.id, input_schema=schema)
        return self._under_way(call, source, "Updating" if former else "Creating")

    async def patch(self, call: Call, path: TopicPath) -> Answer:
        """Change tags; other members of the body concern what a local topic does not have."""
        source, given = self._stored(path), call.members()
        _refuse_unsupported(given)
        if "tags" in given:
            source = await self._store.create(
                source.id,
                kind="custom-topic",
                input_schema=source.input_schema,
                input_schema_mapping=source.input_schema_mapping,
                location=source.location,
                tags=read_tags(given),
            )
        return self._under_way(call, source, "Updating")

    async def get(self, call: Call, path: TopicPath) -> Answer:
        """Show a custom topic."""
        return Answer(HTTPStatus.OK, topic_json(self._stored(path), call.base_url))

    async def delete(self, call: Call, path: TopicPath) -> Answer:
        """Delete a custom topic with its event subscriptions; never 200, which SDKs do not take (§8.3).

        What a delete that was interrupted has left behind, the next one takes along.
        """
        source = self._store.view.get(path.id)
        if source is not None:
            await self._store.delete(source.id)
        orphans = [one.id for one in self._subscriptions.view.all() if one.source.lower() == path.id.lower()]
        await self._subscriptions.delete(orphans)
        if source is None:
            return Answer(HTTPStatus.NO_CONTENT)
        log.info("topic.deleted", topic=source.id, subscriptions=len(orphans))
        operation = self._operations.begin(source.id, "Succeeded")
        headers = self._operations.headers(call, operation, path.group.subscription)
        location = self._operations.result_url(call, operation, path.group.subscription)
        return Answer(HTTPStatus.ACCEPTED, headers={**headers, "Location": location})

    async def list_in_group(self, call: Call, path: TopicsInGroup) -> Answer:
        """List the custom topics of a group."""
        found = (one for one in self._store.view.all() if one.kind == "custom-topic" and path.group.holds(one.id))
        return Answer(HTTPStatus.OK, page(call, found, lambda one: topic_json(one, call.base_url)))

    async def list_keys(self, _call: Call, path: TopicPath) -> Answer:
        """Show the two keys."""
        return self._keys(self._stored(path))

    async def regenerate_key(self, call: Call, path: TopicPath) -> Answer:
        """Make one key anew; the old one stops working, the other key goes on."""
        source, members = self._stored(path), call.members()
        name = members.choice("keyName", KEY_NAMES)
        if name is None:
            raise refused("keyName", None, f"one of {', '.join(KEY_NAMES)}")
        log.info("topic.key_regenerated", topic=source.id, key=name)
        return self._keys(await self._store.regenerate(source.id, cast(KeyName, name)))

    def _stored(self, path: TopicPath) -> Source:
        source = self._store.view.get(path.id)
        if source is None:
            message = f"The topic '{path.name[:80]}' was not found in '{path.group.id}'."
            raise NotFoundError(message, target=path.id)
        return source

    def _keys(self, source: Source) -> Answer:
        return Answer(HTTPStatus.OK, dict(self._store.view.keys(source)._asdict()))

    def _under_way(self, call: Call, source: Source, state: str) -> Answer:
        operation = self._operations.begin(source.id, "Succeeded")
        headers = self._operations.headers(call, operation, source.id.split("/")[2])
        shown = topic_json(source, call.base_url, state)
        if state == "Creating":
            shown["properties"]["endpoint"] = None
        return Answer(HTTPStatus.CREATED, shown, headers)


def topic_json(source: Source, base_url: str, state: str = "Succeeded") -> Json:
    """Return a custom topic as ARM shows it (§8.4); `base_url` is how the caller reaches this server."""
    schema: InputSchema = source.input_schema or "EventGridSchema"
    return {
        "id": source.id,
        "name": source.name,
        "type": TopicPath.collection,
        "location": source.location,
        "tags": source.tags,
        "kind": "Azure",
        "sku": {"name": "Basic"},
        "identity": {"type": "None", "principalId": None, "tenantId": None, "userAssignedIdentities": None},
        "systemData": None,
        "properties": {
            "provisioningState": state,
            "endpoint": f"{base_url}/topics/{quote(source.name, safe='')}/api/events",
            "inputSchema": schema,
            "inputSchemaMapping": source.input_schema_mapping,
            "metricResourceId": str(uuid5(NAMESPACE_URL, source.id.lower())),
            "publicNetworkAccess": "Enabled",
            "disableLocalAuth": False,
        },
    }


def _refuse_unsupported(given: Members) -> None:
    """Refuse what would protect a topic of Azure and protects nothing here; raises RefusedError."""
    properties = given.members("properties") or Members({}, "properties")
    for name, allowed in _ONLY.items():
        holder = properties if name in properties else given
        value = holder.value(name)
        if value is not None and str(value).lower() != allowed.lower():
            raise refused(holder.target_of(name), value, f"{allowed}; keys and tokens decide who may publish here")
    identity = given.members("identity")
    if identity is not None and (identity.text("type") or "None").lower() != "none":
        raise refused(identity.target_of("type"), identity.value("type"), "None; there are no managed identities here")


def _check_name(name: str) -> None:
    """Refuse a name that a topic cannot have (§3.8); raises RefusedError in Azure's words."""
    if len(name) not in _LENGTHS:
        raise RefusedError(
            f"Topic name must be between {_LENGTHS[0]} and {_LENGTHS[-1]} characters in length.", target="name"
        )
    if not _NAME.match(name):
        raise refused("name", name, "3 to 50 of the characters A-Z, a-z, 0-9 and '-'")
    if name.lower().startswith(_RESERVED):
        raise refused("name", name, "a name that does not begin with Microsoft, EventGrid or System")
