"""The view: every subscription in memory, and the compiled index that fan-out reads."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from sys import intern

import structlog
from pydantic import ValidationError

from router.filters.clauses import clauses_of
from router.filters.index import Index, Snapshot
from router.subscriptions.scopes import above, is_below, is_group
from topics.events import DeliverySchema
from topics.subscribers import is_subscriber_name, subscriber_topic
from topics.subscriptions import Subscription, TopicSink, subscription_key

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """Where a matched event goes: a topic, or (`topic` is None) a delivery for a push sink."""

    subscription_id: str
    name: str
    topic: str | None
    schema: DeliverySchema | None


class Routes:
    """Every live subscription's filter, compiled, by the source whose events it wants; immutable."""

    def __init__(self, by_source: dict[str, Snapshot[Route]], topics: frozenset[str]) -> None:
        self._by_source = by_source
        self.topics = topics

    def of(self, source: str) -> Snapshot[Route] | None:
        """Return the compiled filters of those who want a source's events; None when nobody does."""
        scope = source.lower()
        found = self._by_source.get(scope)
        if found is None:
            # Nobody asks for this source alone. The nearest scope above it has all who ask for more than one.
            found = next((self._by_source[one] for one in above(scope) if one in self._by_source), None)
        return found


class SubscriptionsView:
    """All subscriptions by resource id (compared without regard to case, §8.1)."""

    def __init__(self) -> None:
        self._subscriptions: dict[bytes, Subscription] = {}
        # By scope, in lower case; each has those who ask for the scope, and those who ask for a scope above it.
        self._indexes: dict[str, Index[Route]] = {}
        self._of_groups: dict[bytes, Route] = {}
        self._expiring: dict[bytes, datetime] = {}
        # Which topic each live subscription writes to, how many write to a topic, and the topics: the same object until
        # there are others. Going through all of them for each change would keep events waiting.
        self._topic_of: dict[bytes, str] = {}
        self._writers: Counter[str] = Counter()
        self._topics: frozenset[str] | None = None
        self._routes: Routes | None = None

    def get(self, resource_id: str) -> Subscription | None:
        """Return a subscription, or None."""
        return self._subscriptions.get(subscription_key(resource_id))

    def all(self) -> list[Subscription]:
        """Return every subscription, live or not."""
        return list(self._subscriptions.values())

    @property
    def routes(self) -> Routes:
        """The compiled filters of the live subscriptions; the same object until something changes."""
        if self._routes is None:
            if self._topics is None:
                self._topics = frozenset(self._writers)
            snapshots = {source: index.snapshot() for source, index in self._indexes.items() if len(index)}
            self._routes = Routes(snapshots, self._topics)
        return self._routes

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take a record of router.subscriptions; one that cannot be read is logged and changes nothing."""
        if value is None:
            self._forget(key)
            return
        try:
            subscription = Subscription.model_validate_json(value)
        except ValidationError as error:
            log.warning("subscription.unreadable", problems=error.error_count())
            return
        if isinstance(subscription.sink, TopicSink) and not is_subscriber_name(subscription.sink.name):
            # Kafka would refuse to make its topic, and all events that it wants would wait for that.
            log.warning("subscription.unreadable", subscription=subscription.id, problem="its topic has no legal name")
            return
        self._forget(key)
        self._subscriptions[key] = subscription
        if subscription.is_live:
            self._file(key, subscription)

    def expire(self, now: datetime) -> None:
        """Stop routing to subscriptions whose expiration has passed."""
        for key in [key for key, moment in self._expiring.items() if moment <= now]:
            subscription = self._subscriptions[key]
            log.info("subscription.expired", subscription=subscription.id)
            self._unfile(key, subscription)

    def _file(self, key: bytes, subscription: Subscription) -> None:
        sink = subscription.sink
        route = Route(
            subscription_id=subscription.id,
            name=subscription.name,
            # One string for all that share a topic: fan-out looks it up for each event of each of them.
            topic=intern(subscriber_topic(sink.name)) if isinstance(sink, TopicSink) else None,
            schema=subscription.delivery_schema,
        )
        scope = subscription.source.lower()
        if scope not in self._indexes:
            self._indexes[scope] = self._index_with_those_above(scope)
        if is_group(scope):
            self._of_groups[key] = route
        clauses = clauses_of(subscription.filter)
        for index in self._indexes_of(scope):
            index.add(key, clauses, route)
        if route.topic is not None:
            self._topic_of[key] = route.topic
            self._writers[route.topic] += 1
            if self._writers[route.topic] == 1:
                self._topics = None
        if subscription.expiration is not None:
            self._expiring[key] = subscription.expiration
        self._routes = None

    def _forget(self, key: bytes) -> None:
        former = self._subscriptions.pop(key, None)
        if former is not None:
            self._unfile(key, former)

    def _unfile(self, key: bytes, subscription: Subscription) -> None:
        self._expiring.pop(key, None)
        self._of_groups.pop(key, None)
        for index in self._indexes_of(subscription.source.lower()):
            index.remove(key)
        topic = self._topic_of.pop(key, None)
        if topic is not None:
            self._writers[topic] -= 1
            if not self._writers[topic]:
                del self._writers[topic]
                self._topics = None
        self._routes = None

    def _indexes_of(self, scope: str) -> list[Index[Route]]:
        """Return the indexes that those who ask for a scope belong to: its own, and of a group those below it."""
        if not is_group(scope):
            return [self._indexes[scope]] if scope in self._indexes else []
        return [index for one, index in self._indexes.items() if one == scope or is_below(one, scope)]

    def _index_with_those_above(self, scope: str) -> Index[Route]:
        index: Index[Route] = Index()
        groups = set(above(scope))
        for key, route in self._of_groups.items():
            subscription = self._subscriptions[key]
            if subscription.source.lower() in groups:
                index.add(key, clauses_of(subscription.filter), route)
        return index
