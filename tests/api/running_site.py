"""A server with every route on a real socket, over memory instead of Kafka, and tokens for it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
from cryptography.fernet import Fernet

from router.api.identity_routes import IdentityRoutes
from router.faces import Stores, build_faces
from router.history.store import HistoryStore
from router.identity.callers import AccessTokens, Callers
from router.identity.tokens import AZURE_AUDIENCES, MAX_TOKEN_CHARACTERS, Subject, new_signing_key, open_key, sign
from router.observability.health import Health
from router.observability.metrics import Metrics
from router.observability.serving import BackgroundServer
from router.secrets import SecretBox
from router.server import build_server
from router.settings import Settings
from tests.api.every_route import Route, every_route
from tests.api.running_api import TOKEN, Api, to_topic
from tests.builders import WORKSPACE
from topics.resources import SigningKey

VERSION = "api-version=2025-02-15"
HEADER = "the-header-of-the-machine"
EVENT = [
    {"id": "1", "eventType": "t", "subject": "s", "eventTime": "2026-01-01T00:00:00Z", "data": {}, "dataVersion": "1"}
]
"""What a token is tried with: a body for the publish endpoint."""


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


@asynccontextmanager
async def running_site(data_dir: Path) -> AsyncIterator[Site]:
    """Run a site on a free port, with the local workspace and the subscription `es1` in it."""
    site = Site(data_dir)
    await site.api.sources.create(WORKSPACE, kind="workspace")
    await site.tokens.start()
    await site.faces.management.start()
    server = BackgroundServer(site.app, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{await server.start()}"
    try:
        async with httpx.AsyncClient(base_url=url, timeout=50, trust_env=False) as site.client:
            site.api.client = site.client
            await site.api.put("es1", to_topic("es1"))
            yield site
    finally:
        await server.stop()
        await site.faces.management.stop()


async def bad_tokens(site: Site) -> list[str | None]:
    """No token, and tokens that are broken, forged, expired, or meant for others or for nobody."""
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
