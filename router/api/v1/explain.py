"""POST /v1/explain: why subscriptions match an event or not (design §10)."""

import json
from typing import Annotated, Any

import msgspec
import orjson
from fastapi import APIRouter, Body, Security
from pydantic import BaseModel
from starlette.requests import Request
from starlette.routing import BaseRoute

from router.api.filter_bodies import read_filter
from router.api.json_bodies import Members
from router.api.v1.history_queries import HistoryQueries
from router.api.v1.reach import Reach, Reaching
from router.api.v1.routes import BEARER, ProblemRoute
from router.errors import NotFoundError, RefusedError
from router.filters.explain import MISSING
from router.identity.callers import Callers
from router.sources.resource_ids import LOCAL_WORKSPACE
from router.subscriptions.explaining import Explained, candidates_for, explain_event
from router.subscriptions.view import SubscriptionsView
from topics.subscriptions import Filter, Subscription


class ExplainRequest(BaseModel):
    """An event, or the id of one that was published; a subscription or a draft of a filter to try it on."""

    event: dict[str, Any] | str
    subscription: str | None = None
    filter: dict[str, Any] | None = None


class Clause(BaseModel):
    """One condition, the value that was seen (null when there was none), and whether it holds."""

    path: str
    operator: str
    expected: Any
    actual: Any
    matches: bool


class Result(BaseModel):
    """What became of one subscription; null is the draft. `first_failed` is a place in `clauses`."""

    subscription: str | None
    matches: bool
    first_failed: int | None
    clauses: list[Clause]


class Results(BaseModel):
    """All that were asked for, the nearest to a match first."""

    results: list[Result]


def explain_routes(view: SubscriptionsView, queries: HistoryQueries, tokens: Callers) -> list[BaseRoute]:
    """Return the route that explains."""
    guarded = type("GuardedRoute", (ProblemRoute,), {"tokens": tokens, "only_reads": True})
    router = APIRouter(prefix="/v1", route_class=guarded, tags=["filters"], dependencies=[Security(BEARER)])

    @router.post("/explain", summary="Why subscriptions match an event, or not")
    async def explain(request: Request, _body: Annotated[ExplainRequest, Body()], reach: Reaching) -> Results:
        # The event's own bytes: numbers keep their digits, and of repeated members the last one counts.
        asked = msgspec.json.decode(await request.body(), type=dict[str, msgspec.Raw])
        event = await _event(asked["event"], queries, reach)
        return Results(results=[_shown(one) for one in _explained(event, asked, view, reach)])

    return list(router.routes)


async def _event(raw: msgspec.Raw, queries: HistoryQueries, reach: Reach) -> bytes:
    event = bytes(raw)
    if not event.startswith(b'"'):
        return event
    return orjson.dumps(reach.of_event(await queries.event(orjson.loads(event))).event)


def _explained(event: bytes, asked: dict[str, msgspec.Raw], view: SubscriptionsView, reach: Reach) -> list[Explained]:
    draft, name = _given(asked, "filter"), _given(asked, "subscription")
    if draft is not None:
        return explain_event(event, [(None, _draft(draft))], LOCAL_WORKSPACE)
    if name is not None:
        found = _named(view, name)
        reach.check_subscription(found.id, view)
        return explain_event(event, [(found.id, found.filter)], found.source)
    in_reach = [one for one in view.all() if reach.covers(one.id)]
    wanted = candidates_for(event, in_reach, LOCAL_WORKSPACE)
    return explain_event(event, [(one.id, one.filter) for one in wanted], LOCAL_WORKSPACE)


def _given(asked: dict[str, msgspec.Raw], name: str) -> Any:  # noqa: ANN401 (any JSON)
    # The standard library's reader, as for what is stored: integers of any size stay exact.
    return json.loads(bytes(asked[name])) if name in asked else None


def _draft(members: object) -> Filter:
    if not isinstance(members, dict):
        raise RefusedError("filter: it must be an object", target="filter")
    # In a draft no types means every type, not the workspace's five (design §6).
    return read_filter(Members(members), of_workspace=False)


def _named(view: SubscriptionsView, name: str) -> Subscription:
    found = view.get(name) or next((one for one in view.all() if one.name.lower() == name.lower()), None)
    if found is None:
        raise NotFoundError(f"There is no event subscription {name!r}.")
    return found


def _shown(explained: Explained) -> Result:
    explanation = explained.explanation
    clauses = [
        Clause(
            path=clause.path,
            operator=clause.operator,
            expected=clause.expected,
            actual=None if clause.actual is MISSING else clause.actual,
            matches=clause.matches,
        )
        for clause in explanation.clauses
    ]
    return Result(
        subscription=explained.subscription,
        matches=explanation.matches,
        first_failed=explanation.first_failed,
        clauses=clauses,
    )
