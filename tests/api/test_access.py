"""Who may do what: every route, without credentials, with bad ones, and across roles."""

import re
import time
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import jwt
import pytest
from cryptography.fernet import Fernet
from starlette.routing import BaseRoute
from starlette.routing import Route as Plain

from router.api.dispatch import Dispatch
from router.api.identity_routes import IdentityRoutes
from router.api.management import ManagementRoute
from router.api.path_patterns import PATTERNS, parse_path
from router.faces import Stores, build_faces
from router.history.store import HistoryStore
from router.identity.callers import AccessTokens, Callers
from router.identity.tokens import AZURE_AUDIENCES, MAX_TOKEN_CHARACTERS, Subject, new_signing_key, open_key, sign
from router.ingress.paths import PublishRoute
from router.observability.health import Health
from router.observability.metrics import Metrics
from router.observability.serving import BackgroundServer
from router.secrets import SecretBox
from router.server import build_server
from router.settings import Settings
from tests.api.running_api import TOKEN, Api, subscription_path, to_topic
from tests.builders import WORKSPACE
from topics.resources import Principal, RoleAssignment, SigningKey

VERSION = "api-version=2025-02-15"
GROUP = WORKSPACE.partition("/providers/")[0]
SUBSCRIPTION = GROUP.partition("/resourceGroups/")[0]
EVENT_GRID = f"{GROUP}/providers/Microsoft.EventGrid"
SYSTEM_TOPIC = f"{EVENT_GRID}/systemTopics/st1"
SUBSCRIPTIONS = "providers/Microsoft.EventGrid/eventSubscriptions"
HEADER = "the-header-of-the-machine"

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


def now() -> datetime:
    return datetime.now(UTC)


class Site:
    """A server with every route, over memory; and tokens for it."""

    def __init__(self, data_dir: Path) -> None:
        self.settings = Settings(data_dir=data_dir)
        HistoryStore(data_dir / "history.sqlite3", "cluster").close()
        self.api = Api(self.settings)
        self.callers = Callers(TOKEN)
        self.tokens = AccessTokens(self.api.resources, self.api.box, now)
        self.callers.trust(self.tokens)
        api = self.api
        stores = Stores(api.producer, api.subscriptions, api.sources, api.resources)
        identity = IdentityRoutes(self.tokens, HEADER)
        self.faces = build_faces(
            self.settings, stores, api.box, self.callers, identity, Metrics(), Health(), now, self.api.topics
        )
        self.app = build_server(self.settings, self.faces.routes)
        self.routes = every_route(self.app.router.routes, self.faces.management.dispatch)
        self.client: Any = None

    async def principal(self, role: str, scope: str = "/") -> str:
        """Make a principal through the API and return a token of its own."""
        body = {"name": f"{role} {time.monotonic_ns()}", "assignments": [{"role": role, "scope": scope}]}
        made = await self.client.post("/v1/principals", json=body, headers={"authorization": f"Bearer {TOKEN}"})
        assert made.status_code == 201, made.text
        return await self.signed_in(made.json())

    async def signed_in(self, made: dict[str, Any]) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": made["appId"],
            "client_secret": made["password"],
            "scope": "https://management.azure.com/.default",
        }
        answer = await self.client.post(f"/{made['tenant']}/oauth2/v2.0/token", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def status(self, method: str, path: str, token: str | None) -> tuple[int, str]:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        url = path if "/events" in path or path == "/" else path + ("&" if "?" in path else "?") + VERSION
        body = {} if method in ("PUT", "PATCH", "POST") else None
        answer = await self.client.request(method, url, headers=headers, json=body)
        # 503: who got so far was let in, and there is no Kafka behind this server.
        assert answer.status_code in (*range(200, 500), 503), answer.text
        error = (answer.json() if answer.content and method != "HEAD" else {}).get("error", {})
        return answer.status_code, error.get("code", "")

    async def statuses(self, token: str | None, *actions: str | None) -> dict[Route, tuple[int, str]]:
        """Ask for everything that is for one of these actions."""
        return {one: await self.status(one.method, one.path, token) for one in self.routes if one.action in actions}


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path)
    await site.api.sources.create(WORKSPACE, kind="workspace")
    await site.tokens.start()
    await site.faces.management.start()
    server = BackgroundServer(site.app, "127.0.0.1", 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await server.start()}", trust_env=False) as site.client:
        site.api.client = site.client
        await site.api.put("es1", to_topic("es1"))
        yield site
    await server.stop()
    await site.faces.management.stop()


async def bad_tokens(site: Site) -> list[str | None]:
    box = SecretBox(Fernet.generate_key().decode())
    foreign, stored = new_signing_key(box, now()), next(iter(site.tokens.public_keys()))
    good = await site.principal("Owner")
    claims = jwt.decode(good, options={"verify_signature": False})
    old = datetime.fromtimestamp(now().timestamp() - 7200, UTC)
    ours = next(one for one in site.api.resources.view.all(SigningKey) if one.name == stored)
    subject = Subject(claims["oid"], claims["appid"])
    key = open_key(site.api.box, ours)
    audience = AZURE_AUDIENCES[0]
    return [
        None,
        "x",
        TOKEN + "x",
        good[:-8] + "AAAAAAAA",
        jwt.encode(claims, None, algorithm="none", headers={"kid": stored}),
        sign(stored, open_key(box, foreign), subject, audience=audience, issuer="i", now=now()),
        sign(foreign.name, open_key(box, foreign), subject, audience=audience, issuer="i", now=now()),
        sign(stored, key, subject, audience=audience, issuer="i", now=old),
        sign(stored, key, subject, audience="https://vault.azure.net", issuer="i", now=now()),
        sign(stored, key, Subject("nobody", claims["appid"]), audience=audience, issuer="i", now=now()),
        "x" * (MAX_TOKEN_CHARACTERS + 1),
    ]


def test_the_table_has_every_kind_of_route(tmp_path: Path):
    routes = Site(tmp_path).routes
    assert {one.action for one in routes} == {"read", "write", "send", "own", None}
    for path in ("/v1/attempts", "/v1/explain", "/v1/dead-letters/redrive", "/v1/principals", "/api/events"):
        assert path in [one.path for one in routes]
    for pattern, _ in PATTERNS:
        assert any(one.path.lstrip("/").startswith(filled(pattern)) for one in routes), pattern


async def test_no_route_answers_without_credentials_or_with_bad_ones(site: Site):
    for token in await bad_tokens(site):
        answers = await site.statuses(token, "read", "write", "send", "own", None)
        assert {route: answer for route, answer in answers.items() if answer[0] != 401} == {}


async def test_the_administrator_is_let_in_everywhere(site: Site):
    answers = await site.statuses(TOKEN, "read", "own", None)
    assert {route: answer for route, answer in answers.items() if answer[0] in (401, 403)} == {}


async def test_a_reader_looks_and_changes_nothing(site: Site):
    token = await site.principal("Reader")
    looked = await site.statuses(token, "read", None)
    assert {route: answer for route, answer in looked.items() if answer[0] in (401, 403)} == {}
    assert_refused(await site.statuses(token, "write", "own"))


async def test_a_sender_sees_nothing(site: Site):
    assert_refused(await site.statuses(await site.principal("EventGrid Data Sender"), "read", "write", "own"))


async def test_a_contributor_manages_but_gives_no_roles_and_publishes_nothing(site: Site):
    token = await site.principal("Contributor")
    answer = await site.client.post("/api/events", json=EVENT, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == 403
    managed = await site.statuses(token, "read", "write", None)
    assert {route: answer for route, answer in managed.items() if answer[0] in (401, 403)} == {}
    assert_refused(await site.statuses(token, "own"))


async def test_a_role_ends_where_its_scope_ends(site: Site):
    answers = await site.statuses(await site.principal("Owner", WORKSPACE + "2"), "read", "write", "own")
    # A draft of a filter can be tried by everyone who may look at something; of what is not there nothing is known.
    asked = {route: answer for route, answer in answers.items() if route.path not in V1_READING}
    missing = {"/v1/events/x": 503, "/v1/dead-letters/x": 404, "/v1/dead-letters/redrives/x": 404}
    assert {route.path: answer[0] for route, answer in asked.items() if route.path in missing} == missing
    assert_refused({route: answer for route, answer in asked.items() if route.path not in missing})


def assert_refused(answers: dict[Route, tuple[int, str]]) -> None:
    """Everything is refused with 403, and in ARM's words where ARM is."""
    assert answers
    wrong = {
        route: answer
        for route, answer in answers.items()
        if answer != (403, "AuthorizationFailed" if route.is_arm and route.method != "HEAD" else "")
    }
    assert wrong == {}


async def test_resources_are_listed_as_far_as_the_caller_may_look(site: Site):
    await site.api.sources.create(WORKSPACE + "2", kind="workspace")
    token = await site.principal("Reader", WORKSPACE + "2")
    listed = (await site.api.call("GET", f"{SUBSCRIPTION}/resources", token=token)).json()["value"]
    assert [one["id"] for one in listed] == [WORKSPACE + "2"]
    assert (await site.api.call("GET", f"{SUBSCRIPTION}/resources", token=TOKEN)).json()["value"][1:] == listed


async def test_a_system_topic_needs_its_source_as_well(site: Site):
    token = await site.principal("Owner", SYSTEM_TOPIC)
    body = {"properties": {"source": WORKSPACE, "topicType": "Microsoft.MachineLearningServices.Workspaces"}}
    answer = await site.api.call("PUT", SYSTEM_TOPIC, body, token=token)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "AuthorizationFailed")
    assert (await site.api.call("PUT", SYSTEM_TOPIC, body)).status_code == 201


async def test_the_role_counts_that_a_principal_has_now(site: Site):
    token = await site.principal("Owner")
    assert (await site.status("GET", WORKSPACE, token))[0] == 200
    (principal,) = site.api.resources.view.all(Principal)
    changed = principal.model_copy(update={"assignments": (RoleAssignment(role="Reader", scope="/x"),)})
    await site.api.resources.put(changed)
    assert (await site.status("GET", WORKSPACE, token))[0] == 403
    await site.api.resources.delete(principal.id)
    assert (await site.status("GET", WORKSPACE, token))[0] == 401


EVENT = [
    {"id": "1", "eventType": "t", "subject": "s", "eventTime": "2026-01-01T00:00:00Z", "data": {}, "dataVersion": "1"}
]


@pytest.mark.parametrize(
    ("role", "scope", "status"),
    [
        ("EventGrid Data Sender", "/", 200),
        ("EventGrid Data Sender", WORKSPACE, 200),
        ("EventGrid Data Sender", WORKSPACE + "2", 403),
        ("Owner", "/", 403),
        ("Reader", "/", 403),
    ],
)
async def test_a_token_publishes_with_the_role_of_a_sender_on_the_source(
    site: Site, role: str, scope: str, status: int
):
    token = await site.principal(role, scope)
    answer = await site.client.post("/api/events", json=EVENT, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == status


async def test_a_bad_token_publishes_nothing(site: Site):
    for token in await bad_tokens(site):
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        assert (await site.client.post("/api/events", json=EVENT, headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "change", [{"client_secret": "wrong"}, {"client_id": "nobody"}, {"client_secret": ""}, {"client_id": ""}]
)
async def test_a_wrong_secret_gets_no_token(site: Site, change: dict[str, str]):
    headers = {"authorization": f"Bearer {TOKEN}"}
    body = {"name": "one", "assignments": [{"role": "Reader"}]}
    made = (await site.client.post("/v1/principals", json=body, headers=headers)).json()
    form = {
        "grant_type": "client_credentials",
        "client_id": made["appId"],
        "client_secret": made["password"],
        "resource": "https://management.azure.com/",
    }
    good = await site.client.post(f"/{made['tenant']}/oauth2/token", data=form)
    assert good.status_code == 200
    bad = await site.client.post(f"/{made['tenant']}/oauth2/token", data=form | change)
    assert (bad.status_code, bad.json()["error"]) == (401, "invalid_client")
    assert made["password"] not in str(site.api.producer.topics)


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        (HEADER, {"api-version": "2019-08-01", "resource": "https://management.azure.com/"}, 200),
        (HEADER, {"api-version": "2019-08-01", "resource": "https://vault.azure.net"}, 400),
        (HEADER, {"api-version": "2018-02-01", "resource": "https://management.azure.com/"}, 400),
        ("other", {"api-version": "2019-08-01", "resource": "https://management.azure.com/"}, 401),
        (None, {"api-version": "2019-08-01", "resource": "https://management.azure.com/"}, 401),
    ],
)
async def test_the_machine_gets_a_token_with_its_header_only(site: Site, header: str | None, query: Any, status: int):
    headers = {} if header is None else {"x-identity-header": header}
    answer = await site.client.get("/msi/token", params=query, headers=headers)
    assert answer.status_code == status
    if status == 200:
        token = answer.json()["access_token"]
        assert (await site.status("GET", subscription_path("es1"), token))[0] == 200
        assert (await site.status("PUT", GROUP, token))[0] == 200


async def test_what_anybody_may_know_is_told_without_a_token(site: Site):
    for path in ("/metadata/endpoints", "//metadata/endpoints"):
        answer = await site.client.get(str(site.client.base_url).rstrip("/") + path + "?api-version=2022-09-01")
        assert answer.json()["authentication"]["identityProvider"] == "AAD", path
    configuration = (await site.client.get("/common/v2.0/.well-known/openid-configuration")).json()
    keys = (await site.client.get(httpx.URL(configuration["jwks_uri"]).raw_path.decode())).json()["keys"]
    token = await site.principal("Reader")
    key = jwt.PyJWK(next(one for one in keys if one["kid"] == jwt.get_unverified_header(token)["kid"]))
    assert jwt.decode(token, key, algorithms=["RS256"], audience="https://management.azure.com")["idtyp"] == "app"
    assert not any("d" in one for one in keys)


@pytest.mark.parametrize(
    "kind",
    [
        "StorageQueue",
        "ServiceBusQueue",
        "ServiceBusTopic",
        "AzureFunction",
        "HybridConnection",
        "MonitorAlert",
        "Carrier",
    ],
)
async def test_a_destination_that_means_nothing_here_is_refused_by_name(site: Site, kind: str):
    answer = await site.api.put("queue", {"destination": {"endpointType": kind, "properties": {"resourceId": "/x"}}})
    error = answer.json()["error"]
    assert (answer.status_code, error["target"]) == (400, "properties.destination.endpointType")
    assert kind in error["message"]
    assert kind == "Carrier" or "give a" in error["message"].lower()


async def test_of_two_changes_at_once_the_second_one_learns_of_the_first(site: Site):
    path, headers = subscription_path("es1"), {"authorization": f"Bearer {TOKEN}"}
    etag = (await site.api.get("es1")).headers["etag"]

    async def change(if_match: str) -> int:
        answer = await site.client.patch(
            f"{path}?{VERSION}", json={"labels": ["a"]}, headers=headers | {"if-match": if_match}
        )
        return int(answer.status_code)

    assert [await change(etag), await change(etag), await change("*")] == [201, 412, 201]
    made = await site.api.put("es1", to_topic("es1"))
    assert made.headers["etag"] == (await site.api.get("es1")).headers["etag"] != etag
    gone = await site.client.delete(f"{path}?{VERSION}", headers=headers | {"if-match": etag})
    assert (gone.status_code, gone.json()["error"]["code"]) == (412, "PreconditionFailed")


async def test_a_subscription_may_ask_for_every_source_of_a_group(site: Site):
    for scope in (GROUP, SUBSCRIPTION):
        path = f"{scope}/{SUBSCRIPTIONS}/wide"
        answer = await site.api.call("PUT", path, {"properties": to_topic("wide")})
        assert (answer.status_code, answer.json()["id"]) == (201, path)
    listed = (await site.api.call("GET", f"{SUBSCRIPTION}/{SUBSCRIPTIONS}")).json()["value"]
    assert sorted(one["name"] for one in listed) == ["es1", "wide", "wide"]
    assert (await site.status("PUT", f"{GROUP}/{SUBSCRIPTIONS}/x", await site.principal("Owner", WORKSPACE)))[0] == 403
