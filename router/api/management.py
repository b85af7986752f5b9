"""The management API as a part of the server: one route, who may call it, and its background work."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import URLPath
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send

from router.api.answers import Answer, answer_to, error_answer
from router.api.azure import Azure
from router.api.calls import Call
from router.api.dispatch import Dispatch
from router.api.endpoints import WebhookEndpoints
from router.api.event_subscriptions import EventSubscriptions
from router.api.freshness import Freshness
from router.api.operations import Operations
from router.api.path_patterns import is_management_path
from router.api.provisioning import Provisioning
from router.api.resource_lists import ResourceLists
from router.api.subscriber_topics import KafkaSubscriberTopics, SubscriberTopics
from router.api.system_topics import SystemTopics
from router.api.topic_types import TopicTypeRequests
from router.api.topics import Topics
from router.api.validation_route import validation_route
from router.api.workspaces import Workspaces
from router.errors import RouterError, UnauthorizedError
from router.identity.callers import Caller, Callers
from router.resources.store import ResourceStore
from router.secrets import SecretBox
from router.settings import Settings
from router.sources.store import SourceStore
from router.subscriptions.store import SubscriptionStore

log = structlog.get_logger(__name__)

MAX_BODY_BYTES: Final = 1024 * 1024
REQUEST_ID: Final = "x-ms-request-id"


class Management:
    """The routes of the management API, and the work that goes on after its answers."""

    def __init__(self, dispatch: Dispatch, provisioning: Provisioning, tokens: Callers) -> None:
        self.dispatch = dispatch
        self._provisioning = provisioning
        self._tokens = tokens
        self.routes: list[BaseRoute] = [validation_route(provisioning), ManagementRoute(self._respond)]

    async def start(self) -> None:
        """Take up what a restart interrupted; the stores' views must be complete."""
        await self._provisioning.start()

    async def stop(self) -> None:
        """End the background work."""
        await self._provisioning.stop()

    async def _respond(self, request: Request) -> Response:
        request_id = str(uuid4())
        try:
            answer = await self._answer(request)
        except RouterError as error:
            answer = answer_to(error)
            if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                log.warning("api.failed", request_id=request_id, error=error.message)
        except ClientDisconnect:
            raise
        except Exception:
            log.exception("api.broke", request_id=request_id, method=request.method)
            answer = error_answer(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "InternalServerError",
                f"The server failed; its log says more under request id {request_id}.",
            )
        headers = {**answer.headers, REQUEST_ID: request_id}
        if answer.body is not None:
            headers["Content-Type"] = "application/json; charset=utf-8"
        return Response(answer.encoded(), answer.status, headers)

    async def _answer(self, request: Request) -> Answer:
        caller = self._authenticate(request.headers.get("authorization"))
        body = await _body(request)
        if body is None:
            return error_answer(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                "RequestEntityTooLarge",
                f"The body is too large; at most {MAX_BODY_BYTES} bytes are allowed.",
                headers={"Connection": "close"},
            )
        return await self.dispatch.answer(
            Call(
                method=request.method,
                path=request.scope["path"],
                query=request.query_params,
                body=body,
                base_url=f"{request.url.scheme}://{request.url.netloc}",
                caller=caller,
                if_match=request.headers.get("if-match"),
                if_none_match=request.headers.get("if-none-match"),
            )
        )

    def _authenticate(self, authorization: str | None) -> Caller:
        """Return who calls; all routes pass here, and `Dispatch` asks for the roles that a call needs."""
        if not authorization:
            raise UnauthorizedError("Authentication failed. The 'Authorization' header is missing.")
        caller = self._tokens.caller(authorization)
        if caller is None:
            raise UnauthorizedError("Authentication failed. The bearer token is not one of this server's.")
        return caller


class ManagementRoute(BaseRoute):
    """Takes every path of Azure Resource Manager, in any case and with any number of slashes in front (§8.1)."""

    def __init__(self, respond: Callable[[Request], Awaitable[Response]]) -> None:
        self._respond = respond

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Say whether the path is ARM's."""
        if scope["type"] == "http" and is_management_path(scope["path"]):
            return Match.FULL, {}
        return Match.NONE, {}

    def url_path_for(self, name: str, /, **path_params: object) -> URLPath:
        """Raise: these paths have no names."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)


def build_management(  # noqa: PLR0913 (a composition root takes every collaborator)
    *,
    settings: Settings,
    subscriptions: SubscriptionStore,
    sources: SourceStore,
    resources: ResourceStore,
    box: SecretBox,
    tokens: Callers,
    now: Callable[[], datetime],
    subscriber_topics: SubscriberTopics | None = None,
    freshness: Freshness | None = None,
) -> Management:
    """Return the management API over the given stores; subscriber topics are made on Kafka unless told otherwise.

    `freshness` is asked before each request; without it the views count as they are.
    """
    operations = Operations(subscriptions.view.get)
    provisioning = Provisioning(subscriptions, WebhookEndpoints(settings, now, box), operations, now)
    event_subscriptions = EventSubscriptions(
        store=subscriptions,
        sources=sources.view,
        system_topics=resources.view,
        subscriber_topics=subscriber_topics or KafkaSubscriberTopics(settings),
        provisioning=provisioning,
        operations=operations,
        box=box,
        now=now,
    )
    dispatch = Dispatch(
        event_subscriptions,
        Workspaces(sources, subscriptions, resources),
        operations,
        Azure(resources, sources.view),
        SystemTopics(resources, sources.view, subscriptions, operations, now),
        Topics(sources, subscriptions, operations),
        ResourceLists(sources.view, resources.view),
        TopicTypeRequests(sources.view),
        freshness,
    )
    return Management(dispatch, provisioning, tokens)


async def _body(request: Request) -> bytes | None:
    """Read the body; None when it is too large."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)
