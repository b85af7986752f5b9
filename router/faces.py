"""Faces: everything that a server answers with, composed over the stores; what is not here has no route."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from starlette.routing import BaseRoute

from router.api.freshness import Freshness
from router.api.identity_routes import IdentityRoutes
from router.api.management import Management, build_management
from router.api.principal_routes import PrincipalRoutes
from router.api.subscriber_topics import SubscriberTopics
from router.api.v1.service import HistoryService, build_history
from router.identity.callers import Callers
from router.ingress.http import publish_routes
from router.kafka.producer import Producer
from router.observability.endpoints import operations_routes
from router.observability.health import Health
from router.observability.metrics import Metrics
from router.resources.store import ResourceStore
from router.secrets import SecretBox
from router.settings import Settings
from router.sources.store import SourceStore
from router.subscriptions.store import SubscriptionStore


class Stores(NamedTuple):
    """Where things are kept."""

    producer: Producer
    subscriptions: SubscriptionStore
    sources: SourceStore
    resources: ResourceStore
    freshness: Freshness | None = None


class Faces(NamedTuple):
    """What answers requests: every route that there is, and the two parts that have work of their own."""

    routes: list[BaseRoute]
    management: Management
    history: HistoryService


def build_faces(  # noqa: PLR0913, PLR0917 (a composition root takes every collaborator)
    settings: Settings,
    stores: Stores,
    box: SecretBox,
    tokens: Callers,
    identity: IdentityRoutes,
    metrics: Metrics,
    health: Health,
    now: Callable[[], datetime],
    subscriber_topics: SubscriberTopics | None = None,
) -> Faces:
    """Return everything that a server answers with, over the given stores."""
    producer, subscriptions, sources, resources, freshness = stores
    management = build_management(
        settings=settings,
        subscriptions=subscriptions,
        sources=sources,
        resources=resources,
        box=box,
        tokens=tokens,
        now=now,
        subscriber_topics=subscriber_topics,
        freshness=freshness,
    )
    history = build_history(
        settings=settings,
        subscriptions=subscriptions.view,
        producer=producer,
        tokens=tokens,
        now=now,
        metrics=metrics,
    )
    routes = [
        *publish_routes(producer=producer, sources=sources.view, tokens=tokens, metrics=metrics, now=now),
        *management.routes,
        *PrincipalRoutes(resources, tokens, now).routes,
        *identity.routes,
        *operations_routes(metrics, health),
        *history.routes,
    ]
    return Faces(routes, management, history)
