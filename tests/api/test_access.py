"""Who may do what: every route, without credentials, with bad ones, and across roles."""

import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import jwt
import pytest
from cryptography.fernet import Fernet

from router.api.identity_routes import IdentityRoutes
from router.api.principal_routes import PrincipalRoutes
from router.identity.callers import AccessTokens, Callers
from router.identity.tokens import AZURE_AUDIENCES, MAX_TOKEN_CHARACTERS, Subject, new_signing_key, open_key, sign
from router.ingress.http import publish_routes
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

READ = [
    f"{WORKSPACE}/{SUBSCRIPTIONS}",
    f"{WORKSPACE}/{SUBSCRIPTIONS}/es1",
    f"{GROUP}/{SUBSCRIPTIONS}",
    f"{SUBSCRIPTION}/{SUBSCRIPTIONS}",
    f"{GROUP}/providers/Microsoft.EventGrid/locations/local/eventSubscriptions",
    f"{GROUP}/providers/Microsoft.EventGrid/topicTypes/x.y/eventSubscriptions",
    f"{WORKSPACE}/providers/Microsoft.EventGrid/eventTypes",
    f"{GROUP}/providers/Microsoft.EventGrid/systemTopics",
    f"{SYSTEM_TOPIC}/eventSubscriptions",
    SYSTEM_TOPIC,
    f"{EVENT_GRID}/topics",
    f"{EVENT_GRID}/topics/t1",
    f"{EVENT_GRID}/topics/t1/eventSubscriptions",
    WORKSPACE,
    f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces",
    GROUP,
    f"{SUBSCRIPTION}/resourceGroups",
    f"{SUBSCRIPTION}/providers/Microsoft.EventGrid/locations/local/operationsStatus/x?resource={WORKSPACE}",
]
ANYBODY = [
    "/tenants",
    "/subscriptions",
    SUBSCRIPTION,
    f"{SUBSCRIPTION}/locations",
    "/providers",
    f"{SUBSCRIPTION}/providers",
    f"{SUBSCRIPTION}/providers/Microsoft.EventGrid",
    "/providers/Microsoft.EventGrid/topicTypes",
    "/providers/Microsoft.EventGrid/topicTypes/Microsoft.MachineLearningServices.Workspaces/eventTypes",
]
WRITE = [
    ("PUT", f"{WORKSPACE}/{SUBSCRIPTIONS}/es2"),
    ("PATCH", f"{WORKSPACE}/{SUBSCRIPTIONS}/es1"),
    ("DELETE", f"{WORKSPACE}/{SUBSCRIPTIONS}/none"),
    ("POST", f"{WORKSPACE}/{SUBSCRIPTIONS}/es1/getFullUrl"),
    ("POST", f"{WORKSPACE}/{SUBSCRIPTIONS}/es1/getDeliveryAttributes"),
    ("POST", f"{WORKSPACE}/{SUBSCRIPTIONS}/es1/getSigningSecrets"),
    ("POST", f"{WORKSPACE}/{SUBSCRIPTIONS}/es1/rotateSigningSecret"),
    ("PUT", f"{EVENT_GRID}/topics/t1"),
    ("PATCH", f"{EVENT_GRID}/topics/t2"),
    ("DELETE", f"{EVENT_GRID}/topics/none"),
    ("POST", f"{EVENT_GRID}/topics/t1/listKeys"),
    ("POST", f"{EVENT_GRID}/topics/t1/regenerateKey"),
    ("PUT", f"{EVENT_GRID}/topics/t1/eventSubscriptions/es1"),
    ("PUT", f"{SYSTEM_TOPIC}/eventSubscriptions/es1"),
    ("PUT", SYSTEM_TOPIC),
    ("PATCH", SYSTEM_TOPIC),
    ("DELETE", f"{EVENT_GRID}/systemTopics/none"),
    ("PUT", WORKSPACE),
    ("DELETE", f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/none"),
    ("POST", f"{WORKSPACE}/listKeys"),
    ("POST", f"{WORKSPACE}/regenerateKey"),
    ("PUT", GROUP),
    ("POST", f"{SUBSCRIPTION}/providers/Microsoft.EventGrid/register"),
    ("POST", f"{SUBSCRIPTION}/providers/Microsoft.EventGrid/unregister"),
]
OWNERS = [("GET", "/v1/principals"), ("POST", "/v1/principals"), ("DELETE", "/v1/principals/x")]
EVERY = [*(("GET", path) for path in (*READ, *ANYBODY)), *WRITE, *OWNERS]


def now() -> datetime:
    return datetime.now(UTC)


class Site:
    """A server with every route, over memory; and tokens for it."""

    def __init__(self) -> None:
        self.api = Api(Settings())
        self.callers = Callers(TOKEN)
        self.tokens = AccessTokens(self.api.resources, self.api.box, now)
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
        url = path + ("&" if "?" in path else "?") + VERSION
        body = b"{}" if method in ("PUT", "PATCH", "POST") else None
        answer = await self.client.request(method, url, headers=headers, content=body)
        assert answer.status_code < 500, answer.text
        error = (answer.json() if answer.content else {}).get("error", {})
        return answer.status_code, error.get("code", "")


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    api = site.api
    await api.sources.create(WORKSPACE, kind="workspace")
    await site.tokens.start()
    site.callers.trust(site.tokens)
    management = api.management(site.callers)
    await management.start()
    routes = [
        *publish_routes(
            producer=api.producer, sources=api.sources.view, tokens=site.callers, metrics=Metrics(), now=now
        ),
        *management.routes,
        *PrincipalRoutes(api.resources, site.callers, now).routes,
        *IdentityRoutes(site.tokens, HEADER).routes,
    ]
    server = BackgroundServer(build_server(Settings(), routes), "127.0.0.1", 0)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{await server.start()}", trust_env=False) as site.client:
        api.client = site.client
        await api.put("es1", to_topic("es1"))
        yield site
    await server.stop()
    await management.stop()


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


async def test_no_route_answers_without_credentials_or_with_bad_ones(site: Site):
    tokens = await bad_tokens(site)
    answers = {(method, path, at): await site.status(method, path, token)
               for method, path in EVERY for at, token in enumerate(tokens)}  # fmt: skip
    assert {key: answer for key, answer in answers.items() if answer[0] != 401} == {}


async def test_a_reader_looks_and_changes_nothing(site: Site):
    token = await site.principal("Reader")
    for path in (*READ, *ANYBODY):
        assert (await site.status("GET", path, token))[0] in (200, 404), path
    for method, path in WRITE:
        assert await site.status(method, path, token) == (403, "AuthorizationFailed"), path


async def test_a_sender_sees_nothing(site: Site):
    token = await site.principal("EventGrid Data Sender")
    for method, path in [*(("GET", path) for path in READ), *WRITE]:
        assert await site.status(method, path, token) == (403, "AuthorizationFailed"), path


async def test_a_contributor_manages_but_gives_no_roles(site: Site):
    token = await site.principal("Contributor")
    for method, path in [*(("GET", path) for path in READ), *WRITE]:
        assert (await site.status(method, path, token))[0] not in (401, 403), path
    for method, path in OWNERS:
        assert (await site.status(method, path, token))[0] == 403, path


async def test_a_role_ends_where_its_scope_ends(site: Site):
    token = await site.principal("Owner", WORKSPACE + "2")
    for method, path in [*(("GET", path) for path in READ), *WRITE, *OWNERS]:
        assert (await site.status(method, path, token))[0] == 403, path


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
