"""The routes of /v1: who may ask, what is asked, and problem details for everything that goes wrong."""

from collections.abc import Callable, Coroutine, Sequence
from http import HTTPStatus
from typing import Annotated, Any
from uuid import uuid4

import structlog
from fastapi import APIRouter, Query, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match
from starlette.types import Scope

from router.api.v1 import shapes
from router.api.v1.history_queries import HistoryQueries
from router.api.v1.problems import problem, problem_of
from router.api.v1.reach import Reaching, reach_of
from router.errors import RouterError, UnauthorizedError
from router.history.reader import Selection
from router.history.redrive import Redrive, Redriver
from router.identity.callers import Caller, Callers
from router.subscriptions.view import SubscriptionsView

log = structlog.get_logger(__name__)

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
BEARER = HTTPBearer(auto_error=False, description="An access token, or admin_token of credentials.json")

Subscription = Annotated[str | None, Query(description="Name or resource id of a subscription.")]
Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
Cursor = Annotated[str | None, Query(description="`next` of the page before.")]


class ProblemRoute(APIRoute):
    """A route that lets only bearers of a token in, and answers errors as problem details.

    What the bearer may see, the endpoint asks of the request's reach.
    """

    tokens: Callers
    only_reads = False
    """Whether a POST changes nothing."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Wrap the route's own handler."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                caller = _authenticate(self.tokens, request.headers.get("authorization"))
                request.state.reach = reach_of(caller, request.method, only_reads=self.only_reads)
                request.state.reach.check_something()
                return await handle(request)
            except RouterError as error:
                return problem_of(error)
            except RequestValidationError as error:
                return _invalid(error)
            except ClientDisconnect:
                raise
            except Exception:
                request_id = str(uuid4())
                log.exception("api.broke", request_id=request_id, method=request.method)
                return problem(
                    HTTPStatus.INTERNAL_SERVER_ERROR,
                    f"The server failed; its log says more under request id {request_id}.",
                )

        return answer


def history_routes(
    queries: HistoryQueries, redriver: Redriver, view: SubscriptionsView, tokens: Callers
) -> list[BaseRoute]:
    """Return the routes that answer about attempts, events and dead letters."""
    guarded = type("GuardedRoute", (ProblemRoute,), {"tokens": tokens})
    router = APIRouter(prefix="/v1", route_class=guarded, tags=["history"], dependencies=[Security(BEARER)])
    _add_queries(router, queries, view)
    _add_dead_letters(router, queries, view)
    _add_redrive(router, redriver, view)
    return list(router.routes)


def unknown_routes(known: Sequence[BaseRoute], tokens: Callers) -> list[BaseRoute]:
    """Return the route that answers for what is not there under /v1, behind all that is known."""
    guarded = type("GuardedRoute", (ProblemRoute,), {"tokens": tokens, "only_reads": True})
    router = APIRouter(route_class=guarded)

    async def unknown(request: Request) -> Response:
        allowed = _methods_at(request.scope, known)
        if allowed:
            detail = f"{request.method} is not allowed here; it takes {allowed}."
            return problem(HTTPStatus.METHOD_NOT_ALLOWED, detail, headers={"Allow": allowed})
        return problem(HTTPStatus.NOT_FOUND, f"There is nothing at {request.method} {request.url.path[:300]}.")

    router.add_api_route("/v1/{path:path}", unknown, methods=METHODS, include_in_schema=False)
    return list(router.routes)


def _add_queries(router: APIRouter, queries: HistoryQueries, view: SubscriptionsView) -> None:
    @router.get("/attempts", summary="Attempts at deliveries, the newest first")
    async def attempts(  # noqa: PLR0913, PLR0917 (one argument for each parameter)
        reach: Reaching,
        subscription: Subscription = None,
        event: Annotated[str | None, Query(description="Id of an event.")] = None,
        outcome: shapes.Outcome | None = None,
        limit: Limit = 100,
        next: Cursor = None,  # noqa: A002 (its name in the address)
    ) -> shapes.Attempts:
        reach.check_subscription(subscription, view)
        return await queries.attempts(subscription, event, outcome, limit, next)

    @router.get("/events/{id:path}", summary="An event, and what became of it")
    async def event(id: str, reach: Reaching) -> shapes.Event:  # noqa: A002 (its name in the address)
        return reach.of_event(await queries.event(id))


def _add_dead_letters(router: APIRouter, queries: HistoryQueries, view: SubscriptionsView) -> None:

    @router.get("/dead-letters", summary="Deliveries that were given up, by cause")
    async def dead_letters(
        reach: Reaching,
        subscription: Subscription = None,
        cause: Annotated[str | None, Query(description="As `causes` has it.")] = None,
        limit: Limit = 100,
        next: Cursor = None,  # noqa: A002
    ) -> shapes.DeadLetters:
        reach.check_subscription(subscription, view)
        return await queries.dead_letters(Selection(subscription, cause), limit, next)

    @router.get("/dead-letters/{delivery_id}", summary="One dead letter, with its event and attempts")
    async def dead_letter(delivery_id: str, reach: Reaching) -> shapes.DeadLetterDetails:
        found = await queries.dead_letter(delivery_id)
        reach.check_subscription(found.subscription, view)
        return found


def _add_redrive(router: APIRouter, redriver: Redriver, view: SubscriptionsView) -> None:
    @router.post("/dead-letters/redrive", status_code=202, summary="Put dead letters back into delivery")
    async def redrive(body: shapes.RedriveRequest, response: Response, reach: Reaching) -> shapes.Redrive:
        reach.check_subscription(body.subscription, view)
        selection = Selection(body.subscription, body.cause, body.delivery_ids)
        begun = _shown(await redriver.start(selection, canary=body.canary))
        response.headers["Location"] = f"/v1/dead-letters/redrives/{begun.id}"
        return begun

    @router.get("/dead-letters/redrives/{id}", summary="How far a redrive is")
    async def progress(id: str, reach: Reaching) -> shapes.Redrive:  # noqa: A002 (its name in the address)
        found = redriver.get(id)
        reach.check_subscription(found.selection.subscription, view)
        return _shown(found)


def _shown(redrive: Redrive) -> shapes.Redrive:
    standing = redrive.standing
    return shapes.Redrive(
        id=redrive.id,
        state=redrive.state,
        detail=redrive.detail,
        canary=standing.canary,
        total=standing.total,
        sent=standing.sent - standing.skipped,
        delivered=standing.delivered,
        failed=standing.failed,
        skipped=standing.skipped,
        created_at=redrive.created_at,
        ended_at=redrive.ended_at,
    )


def _methods_at(scope: Scope, known: Sequence[BaseRoute]) -> str:
    """Return what can be done at the path of a request."""
    methods: set[str] = set()
    for route in known:
        if isinstance(route, APIRoute) and route.matches(scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return ", ".join(sorted(methods))


def _authenticate(tokens: Callers, authorization: str | None) -> Caller:
    if not authorization:
        raise UnauthorizedError("The Authorization header is missing; a bearer token is needed.")
    caller = tokens.caller(authorization)
    if caller is None:
        raise UnauthorizedError("The bearer token is not one of this server's.")
    return caller


def _invalid(error: RequestValidationError) -> Response:
    """Say what is wrong with the first parameter or member that is wrong."""
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:]) or str(first["loc"][0])
    return problem(HTTPStatus.BAD_REQUEST, f"{field}: {first['msg']}.", field=field)
