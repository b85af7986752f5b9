"""Every route of the server, with sample names, and what may be asked of it: the table of who may do what."""

import re
from collections.abc import Iterable
from typing import NamedTuple

from starlette.routing import BaseRoute
from starlette.routing import Route as Plain

from router.api.dispatch import Dispatch
from router.api.management import ManagementRoute
from router.api.path_patterns import PATTERNS, parse_path
from router.ingress.paths import PublishRoute
from tests.builders import WORKSPACE

GROUP = WORKSPACE.partition("/providers/")[0]
SUBSCRIPTION = GROUP.partition("/resourceGroups/")[0]

OPEN = {
    # What gives tokens, and what must be known to ask for one.
    "/msi/token",
    "/{tenant}/oauth2/v2.0/token",
    "/{tenant}/oauth2/token",
    "/.well-known/openid-configuration",
    "/{tenant}/.well-known/openid-configuration",
    "/{tenant}/v2.0/.well-known/openid-configuration",
    "/{tenant}/discovery/keys",
    "/{tenant}/discovery/v2.0/keys",
    "/common/discovery/instance",
    "/metadata/endpoints",
    "//metadata/endpoints",
    # The URL is the credential (§6.2).
    "/eventsubscriptions/{name}/validate",
    # Operations, and what /v1 looks like (design §10).
    "/metrics",
    "/healthz",
    "/readyz",
    "/docs",
    "/openapi.json",
}
"""Routes that take no token, each on purpose. A new one has to be added here by hand."""

ANYBODYS = {
    "tenants",
    "subscriptions",
    "subscriptions/{}",
    "subscriptions/{}/locations",
    "subscriptions/{}/resources",
    "subscriptions/{}/resourceGroups/{}/resources",
    "providers",
    "providers/{}",
    "subscriptions/{}/providers",
    "subscriptions/{}/providers/{}",
    "providers/Microsoft.EventGrid/topicTypes",
    "providers/Microsoft.EventGrid/topicTypes/{}",
    "providers/Microsoft.EventGrid/topicTypes/{}/eventTypes",
}
"""Paths of ARM that every caller may look at: nothing of it is anybody's, or only what they may see is shown."""

SAMPLES = {
    "subscriptions": SUBSCRIPTION.rpartition("/")[2],
    "resourceGroups": GROUP.rpartition("/")[2],
    "providers": "Microsoft.EventGrid",
    "topicTypes": "Microsoft.MachineLearningServices.Workspaces",
    "systemTopics": "st1",
    "topics": "t1",
    "workspaces": WORKSPACE.rpartition("/")[2],
    "eventSubscriptions": "es1",
    "locations": "local",
    "operationsStatus": "x",
    "operationResults": "x",
}
V1_READING = {"/v1/explain"}
"""What looks although it is a POST."""


class Route(NamedTuple):
    """One thing that can be asked of the server: what for is `read`, `write`, `send` or `own`, or nothing."""

    method: str
    path: str
    action: str | None
    is_arm: bool = False


def every_route(routes: Iterable[BaseRoute], dispatch: Dispatch) -> list[Route]:
    """Everything that the application's own table has, with sample names; fails for a route of an unknown kind."""
    found: list[Route] = []
    for route in routes:
        match route:
            case PublishRoute():
                found += (Route("POST", path, "send") for path in ("/api/events", "/", "/workspaces/local/api/events"))
            case ManagementRoute():
                found += (one for pattern, _ in PATTERNS for one in arm_routes(pattern, dispatch))
            case Plain(path=path, methods=methods) if path not in OPEN:
                found += (Route(method, sample(path), v1_action(method, path)) for method in methods or ())
            case Plain():
                pass
            case _:
                raise AssertionError(f"who may call {route}?")
    return found


def arm_routes(pattern: str, dispatch: Dispatch) -> list[Route]:
    path = "/" + filled(pattern)
    named = parse_path(path)
    assert named is not None, pattern
    if "operation" in pattern:
        path += f"?resource={WORKSPACE}"
    return [
        Route(
            method, path, None if pattern in ANYBODYS else "read" if method in ("GET", "HEAD") else "write", is_arm=True
        )
        for method in dispatch.requests_on(named)
    ]


def filled(pattern: str) -> str:
    """A path that a pattern fits, on the local workspace where it is on a resource."""
    pattern = pattern.replace("providers/{}/{}/{}", WORKSPACE.removeprefix(f"{GROUP}/"))
    words: list[str] = []
    for word in pattern.replace("{scope}", WORKSPACE.strip("/")).split("/"):
        words.append(SAMPLES[words[-1]] if word == "{}" else word)
    return "/".join(words)


def sample(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "x", path)


def v1_action(method: str, path: str) -> str | None:
    assert path.startswith("/v1/"), f"who may call {path}?"
    if path.startswith("/v1/principals"):
        return "own"
    if path == "/v1/{path:path}":
        return None
    return "read" if method in ("GET", "HEAD") or path in V1_READING else "write"
