"""Event subscriptions: what each request does (§8.1), from a body to what is stored and answered."""

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Protocol

import structlog

from router.api.answers import Answer, Json
from router.api.bodies import Definition, DefinitionReader, check_name, is_workspace, subscription_json
from router.api.calls import Call
from router.api.destinations import attributes_json
from router.api.etags import check_match, etag_of
from router.api.json_bodies import Members
from router.api.operations import Operations
from router.api.pages import page
from router.api.paths import (
    EventSubscriptionPath,
    EventSubscriptionsInGroup,
    EventSubscriptionsOfSource,
    event_subscription_id,
)
from router.api.provisioning import Provisioning
from router.api.signing_secrets import rotated, secrets_json, with_secret
from router.api.subscriber_topics import SubscriberTopics
from router.api.warnings import advice_on, warnings_about, warnings_header
from router.errors import ConflictError, NotFoundError, RefusedError
from router.resources.view import ResourcesView
from router.secrets import SecretBox
from router.subscriptions.scopes import is_group, topic_type_of
from router.subscriptions.store import SubscriptionStore
from topics import Source, Subscription, TopicSink, WebhookSink
from topics.resources import SystemTopic
from topics.subscriptions import ProvisioningState

log = structlog.get_logger(__name__)


class Sources(Protocol):
    """What is asked of the sources; their view answers it."""

    def get(self, resource_id: str) -> Source | None:
        """Return a source, or None."""
        ...


class EventSubscriptions:
    """The requests on event subscriptions; every method may raise the errors of `router.errors`."""

    def __init__(  # noqa: PLR0913 (its collaborators)
        self,
        *,
        store: SubscriptionStore,
        sources: Sources,
        system_topics: ResourcesView,
        subscriber_topics: SubscriberTopics,
        provisioning: Provisioning,
        operations: Operations,
        box: SecretBox,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._sources = sources
        self._system_topics = system_topics
        self._topics = subscriber_topics
        self._provisioning = provisioning
        self._operations = operations
        self._box = box
        self._now = now

    async def put(self, call: Call, path: EventSubscriptionPath) -> Answer:
        """Create a subscription, or give one a new definition."""
        check_name(path.name)
        source, resource_id = self._place(path)

        async def define(stored: Subscription | None) -> Answer:
            check_match(call, stored)
            reader = DefinitionReader(self._box, source, stored, self._moment(stored))
            return await self._define(call, resource_id, reader, reader.whole(call.members()))

        return await self._store.change(resource_id, define)

    async def patch(self, call: Call, path: EventSubscriptionPath) -> Answer:
        """Change what the body gives of a subscription's definition."""
        source, resource_id = self._place(path)

        async def change(stored: Subscription | None) -> Answer:
            if stored is None:
                raise _missing(path)
            check_match(call, stored)
            reader = DefinitionReader(self._box, source, stored, self._moment(stored))
            return await self._define(call, resource_id, reader, reader.change(call.members(), stored))

        return await self._store.change(resource_id, change)

    async def delete(self, call: Call, path: EventSubscriptionPath) -> Answer:
        """Delete a subscription, and with `?deleteTopic=true` the topic of its subscriber."""
        with_topic = call.flag("deleteTopic")
        resource_id = event_subscription_id(path.scope, path.name)

        async def forget(stored: Subscription | None) -> Subscription | None:
            if stored is not None:
                check_match(call, stored)
                if with_topic and isinstance(stored.sink, TopicSink):
                    self._refuse_shared(stored, stored.sink.name)
                await self._store.delete([stored.id])
            return stored

        stored = await self._store.change(resource_id, forget)
        if stored is None:
            return Answer(HTTPStatus.NO_CONTENT)
        topic = stored.sink.name if with_topic and isinstance(stored.sink, TopicSink) else None
        log.info("subscription.deleted", subscription=stored.id, topic_deleted=topic)
        if topic is not None:
            await self._topics.delete(topic)
        operation = self._operations.begin(stored.id, "Succeeded")
        group = _subscription_of(stored.id)
        headers = self._operations.headers(call, operation, group)
        location = self._operations.result_url(call, operation, group)
        return Answer(HTTPStatus.ACCEPTED, headers={**headers, "Location": location})

    async def get(self, _call: Call, path: EventSubscriptionPath) -> Answer:
        """Show a subscription."""
        stored = self._stored(path)
        return Answer(HTTPStatus.OK, self._shown(stored), {"ETag": etag_of(stored)})

    async def list_of_source(self, call: Call, path: EventSubscriptionsOfSource) -> Answer:
        """List the subscriptions of a source."""
        source, below = self._source(path.scope).id.lower(), event_subscription_id(path.scope, "").lower()
        is_system_topic = self._system_topics.get(SystemTopic, path.scope) is not None
        found = (
            one
            for one in self._store.view.all()
            if one.source.lower() == source and (not is_system_topic or one.id.lower().startswith(below))
        )
        return Answer(HTTPStatus.OK, page(call, found, self._shown))

    async def list_in_group(self, call: Call, path: EventSubscriptionsInGroup) -> Answer:
        """List the subscriptions of every source in a group."""
        found = (
            one for one in self._store.view.all() if path.group.holds(one.id) and self._is_of(path.topic_type, one)
        )
        return Answer(HTTPStatus.OK, page(call, found, self._shown))

    async def full_url(self, _call: Call, path: EventSubscriptionPath) -> Answer:
        """Show the endpoint's URL with its query, which no other answer does (§8.4)."""
        sink = self._stored(path).sink
        url = self._box.open(sink.sealed_endpoint_url) if isinstance(sink, WebhookSink) else None
        return Answer(HTTPStatus.OK, {"endpointUrl": url})

    async def delivery_attributes(self, _call: Call, path: EventSubscriptionPath) -> Answer:
        """Show the delivery attributes with their secret values, which no other answer does (§8.4)."""
        return Answer(HTTPStatus.OK, {"value": attributes_json(self._stored(path).sink, self._box.open)})

    async def signing_secrets(self, _call: Call, path: EventSubscriptionPath) -> Answer:
        """Show what a receiver verifies signatures with, which no other answer does (design §7)."""
        return Answer(HTTPStatus.OK, secrets_json(self._stored(path), self._box, self._now()))

    async def rotate_signing_secret(self, call: Call, path: EventSubscriptionPath) -> Answer:
        """Make a new signing secret; the former ones sign beside it for a while."""
        body = call.members() if call.body.strip() else Members({})

        async def rotate(stored: Subscription | None) -> Subscription:
            if stored is None:
                raise _missing(path)
            if not isinstance(stored.sink, WebhookSink):
                raise RefusedError("Only webhooks are signed; this event subscription sends to a topic.")
            changed = rotated(stored, body, self._box, self._now())
            await self._store.put(changed)
            return changed

        changed = await self._store.change(self._stored(path).id, rotate)
        log.info("subscription.signing_secret_rotated", subscription=changed.id)
        return Answer(HTTPStatus.OK, secrets_json(changed, self._box, self._now()))

    async def _define(self, call: Call, resource_id: str, reader: DefinitionReader, definition: Definition) -> Answer:
        source, stored = reader.source, reader.stored
        if definition.destination.new_endpoint_url is not None:
            await self._provisioning.check(definition.destination.new_endpoint_url)
        if isinstance(definition.destination.sink, TopicSink):
            await self._topics.ensure(definition.destination.sink.name)
        is_live = stored is not None and stored.is_live
        asks = isinstance(definition.destination.sink, WebhookSink) and (
            not is_live or definition.destination.new_endpoint_url is not None
        )
        shown: ProvisioningState = "Updating" if is_live else "Creating"
        wanted = definition.of(source, resource_id, stored, shown, reader.now)
        wanted = with_secret(wanted, stored, self._box, reader.now)
        operation = await self._provisioning.begin(stored if is_live else None, wanted, asks=asks)
        log.info("subscription.updated" if stored else "subscription.created", subscription=wanted.id, asks=asks)
        return Answer(
            HTTPStatus.CREATED,
            self._shown(wanted, shown),
            {"ETag": etag_of(wanted)}
            | self._operations.headers(call, operation, _subscription_of(wanted.id))
            | warnings_header(self._warnings(wanted, source)),
        )

    def _warnings(self, wanted: Subscription, source: Source) -> list[str]:
        unknown_types = warnings_about(wanted.filter) if is_workspace(source) else []
        return unknown_types + advice_on(wanted, self._store.view.all())

    def _shown(self, subscription: Subscription, state: ProvisioningState | None = None) -> Json:
        source = self._sources.get(subscription.source)
        return subscription_json(subscription, of_workspace=source is None or is_workspace(source), state=state)

    def _is_of(self, topic_type: str | None, one: Subscription) -> bool:
        """Say whether a subscription's source is of a topic type, be it `Microsoft.Resources.ResourceGroups`."""
        return topic_type is None or topic_type.lower() == topic_type_of(one.source.lower())

    def _place(self, path: EventSubscriptionPath) -> tuple[Source, str]:
        """Return the source of a subscription, and its id: what is under a system topic stays there."""
        source, topic = self._source(path.scope), self._system_topics.get(SystemTopic, path.scope)
        return source, event_subscription_id(topic.id if topic else source.id, path.name)

    def _source(self, scope: str) -> Source:
        topic = self._system_topics.get(SystemTopic, scope)
        source = self._sources.get(topic.source if topic else scope)
        if source is None and is_group(scope.lower()):
            return _every_source_in(scope, self._now())
        if source is None:
            raise NotFoundError(f"The source '{scope[:300]}' was not found.", target=scope[:300])
        return source

    def _stored(self, path: EventSubscriptionPath) -> Subscription:
        stored = self._store.view.get(event_subscription_id(path.scope, path.name))
        if stored is None:
            raise _missing(path)
        return stored

    def _moment(self, stored: Subscription | None) -> datetime:
        """Return the time of a change: the version of a definition, so always later than that of the stored one."""
        moment = self._now()
        return moment if stored is None else max(moment, stored.updated_at + timedelta(microseconds=1))

    def _refuse_shared(self, stored: Subscription, topic: str) -> None:
        for one in self._store.view.all():
            if one.id != stored.id and isinstance(one.sink, TopicSink) and one.sink.name == topic:
                raise ConflictError(
                    f"deleteTopic: the topic subscriber.{topic} is also that of '{one.name}'; nothing was deleted.",
                    target="deleteTopic",
                )


def _every_source_in(scope: str, now: datetime) -> Source:
    """Return what stands for all sources of a group: it has no keys, and workspaces' events unless others are named."""
    name = scope.rpartition("/")[2]
    return Source(id=scope, name=name, kind="workspace", sealed_key1="", sealed_key2="", created_at=now)


def _missing(path: EventSubscriptionPath) -> NotFoundError:
    message = f"The event subscription '{path.name[:80]}' was not found on '{path.scope[:300]}'."
    return NotFoundError(message, target=event_subscription_id(path.scope, path.name)[:400])


def _subscription_of(resource_id: str) -> str:
    """Return the Azure subscription in a resource id."""
    return resource_id.split("/")[2]
