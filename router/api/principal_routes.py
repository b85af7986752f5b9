"""Service principals under /v1/principals: made with their roles, listed without their secrets, deleted."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final, cast

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from router.api.json_bodies import Members, read_object, refused
from router.api.v1.problems import problem_of
from router.errors import ConflictError, ForbiddenError, NotFoundError, RefusedError, RouterError, UnauthorizedError
from router.identity.callers import Callers
from router.identity.principals import new_principal
from router.identity.roles import EVERYWHERE
from router.identity.tokens import TENANT
from router.resources.store import ResourceStore
from topics.resources import ROLES, Principal, Role, RoleAssignment

log = structlog.get_logger(__name__)

Json = dict[str, Any]
Handler = Callable[[Request], Awaitable[Response]]
MAX_BODY_BYTES: Final = 64 * 1024
MAX_ASSIGNMENTS: Final = 32
MAX_NAME: Final = 64
MAX_SCOPE: Final = 600


class PrincipalRoutes:
    """The routes on principals; only who may change everything may give roles."""

    def __init__(self, store: ResourceStore, callers: Callers, now: Callable[[], datetime]) -> None:
        self._store = store
        self._callers = callers
        self._now = now
        self.routes = [
            Route("/v1/principals", self._guarded(self._list), methods=["GET"]),
            Route("/v1/principals", self._guarded(self._create), methods=["POST"]),
            Route("/v1/principals/{name:path}", self._guarded(self._delete), methods=["DELETE"]),
        ]

    def _guarded(self, handler: Handler) -> Handler:
        """Return the handler, for owners only, with its errors as problem details (RFC 9457)."""

        async def answer(request: Request) -> Response:
            try:
                self._check_owner(request.headers.get("authorization"))
                return await handler(request)
            except RouterError as error:
                return problem_of(error)

        return answer

    def _check_owner(self, authorization: str | None) -> None:
        caller = self._callers.caller(authorization)
        if caller is None:
            raise UnauthorizedError("The request has no bearer token of this server.")
        # A contributor manages resources; who may do what is for owners to say.
        if not any(one.role == "Owner" and one.scope == EVERYWHERE for one in caller.assignments):
            raise ForbiddenError(f"'{caller.name}' is not Owner of all of this router.")

    async def _list(self, _request: Request) -> Response:
        found = sorted(self._store.view.all(Principal), key=lambda one: one.name)
        return _json({"principals": [_shown(one) for one in found], "next": None})

    async def _create(self, request: Request) -> Response:
        given = read_object(await _body(request))
        name = given.needed_text("name")
        if len(name) > MAX_NAME:
            raise refused("name", name, f"at most {MAX_NAME} characters")
        assignments = tuple(_assignment(one) for one in given.objects("assignments"))
        if not 0 < len(assignments) <= MAX_ASSIGNMENTS:
            raise refused("assignments", len(assignments), f"1 to {MAX_ASSIGNMENTS} objects of role and scope")
        if any(one.name == name for one in self._store.view.all(Principal)):
            raise ConflictError(f"There is a principal '{name}' already; delete it first, or choose another name.")
        principal, secret = new_principal(name, assignments, self._now())
        await self._store.put(principal)
        log.info("principal.created", principal=principal.application_id, roles=[one.role for one in assignments])
        return _json(_shown(principal) | {"password": secret}, HTTPStatus.CREATED)

    async def _delete(self, request: Request) -> Response:
        name = request.path_params["name"]
        found = next(
            (one for one in self._store.view.all(Principal) if name in (one.name, one.application_id)),
            None,
        )
        if found is None:
            raise NotFoundError(f"There is no principal '{name[:MAX_NAME]}'.")
        await self._store.delete(found.id)
        log.info("principal.deleted", principal=found.application_id)
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _assignment(given: Members) -> RoleAssignment:
    role, scope = given.choice("role", ROLES), given.text("scope") or EVERYWHERE
    if role is None:
        raise refused(given.target_of("role"), None, f"one of {', '.join(ROLES)}")
    if not scope.startswith("/") or len(scope) > MAX_SCOPE:
        raise refused(given.target_of("scope"), scope, "a resource id, or / for everything")
    return RoleAssignment(role=cast("Role", role), scope=scope)


def _shown(principal: Principal) -> Json:
    """Return a principal in the words of `az ad sp create-for-rbac`."""
    return {
        "appId": principal.application_id,
        "displayName": principal.name,
        "objectId": principal.object_id,
        "tenant": TENANT,
        "assignments": [{"role": one.role, "scope": one.scope} for one in principal.assignments],
        "createdAt": principal.created_at.isoformat(),
    }


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise RefusedError(f"The body is too large; at most {MAX_BODY_BYTES} bytes are allowed.")
    return bytes(body)


def _json(body: Json, status: HTTPStatus = HTTPStatus.OK) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(orjson.dumps(body), status, headers, media_type="application/json")
