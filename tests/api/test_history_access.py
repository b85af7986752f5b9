"""/v1 across roles: a Reader of everything, and those whose roles end at a scope."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from router.identity.callers import AccessTokens
from router.identity.principals import new_principal
from router.identity.tokens import AZURE_AUDIENCES, Subject
from router.settings import Settings
from tests.api.running_api import Api, subscription_path
from tests.api.running_history import Past
from tests.builders import WORKSPACE, a_subscription, a_webhook, an_event
from tests.unit.history.facts import ALERTS
from topics.resources import Role, RoleAssignment
from topics.subscriptions import subscription_key

pytestmark = pytest.mark.usefixtures("filled")

OTHER_WORKSPACE = WORKSPACE + "2"
THEIRS = subscription_path("theirs", OTHER_WORKSPACE)
As = Callable[[Role, str], Awaitable[httpx.AsyncClient]]


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
async def client_as(past: Past):
    """Make clients that are signed in as principals with a role on a scope."""
    api, clients = Api(Settings()), []
    tokens = AccessTokens(api.resources, api.box, now)
    await tokens.start()
    past.callers.trust(tokens)

    async def sign_in(role: Role, scope: str) -> httpx.AsyncClient:
        made = new_principal(role, (RoleAssignment(role=role, scope=scope),), now()).principal
        await api.resources.put(made)
        token = tokens.issue(Subject(made.object_id, made.application_id), AZURE_AUDIENCES[0], past.url)
        headers = {"authorization": f"Bearer {token}"}
        clients.append(httpx.AsyncClient(base_url=f"{past.url}/v1", headers=headers, trust_env=False))
        return clients[-1]

    yield sign_in
    for one in clients:
        await one.aclose()


@pytest.fixture
def filled(past: Past) -> Past:
    """Two workspaces with a webhook each; an event of the first one died for both."""
    for one_id, source in ((ALERTS, WORKSPACE), (THEIRS, OTHER_WORKSPACE)):
        one = a_subscription(one_id.rpartition("/")[2], id=one_id, source=source, sink=a_webhook())
        past.view.apply(subscription_key(one.id), one.encode())
    past.accept(id="e-d-2")
    past.die("d-1")
    past.die("d-2", subscription=THEIRS)
    return past


READ = ["attempts", "dead-letters", "events/e-d-2", "dead-letters/d-1"]


async def test_a_reader_of_everything_looks_and_redrives_nothing(client_as: As):
    reader = await client_as("Reader", "/")
    for path in READ:
        assert (await reader.get(path)).status_code == 200, path
    assert (await reader.post("explain", json={"event": an_event()})).status_code == 200
    refused = await reader.post("dead-letters/redrive", json={})
    assert (refused.status_code, refused.json()["title"]) == (403, "Forbidden")
    assert refused.headers["content-type"] == "application/problem+json"


async def test_a_scoped_reader_asks_for_a_subscription_of_their_own(client_as: As):
    reader = await client_as("Reader", WORKSPACE)
    for path in ("attempts", "dead-letters"):
        assert [
            (await reader.get(path, params=query)).status_code
            for query in ({}, {"subscription": "theirs"}, {"subscription": THEIRS}, {"subscription": "nobody"})
        ] == [403, 403, 403, 403], path
        for own in (ALERTS, "alerts"):
            found = (await reader.get(path, params={"subscription": own})).json()
            assert {one["subscription"] for one in found[path.replace("-", "_")]} == {ALERTS}
    assert "resource id" in (await reader.get("attempts")).json()["detail"]


async def test_single_things_are_shown_as_far_as_the_scope_reaches(client_as: As):
    mine, theirs = await client_as("Reader", WORKSPACE), await client_as("Reader", OTHER_WORKSPACE)
    strangers = await client_as("Reader", WORKSPACE + "3")
    assert [(await one.get("dead-letters/d-1")).status_code for one in (mine, theirs)] == [200, 403]
    assert [(await one.get("dead-letters/d-2")).status_code for one in (mine, theirs)] == [403, 200]
    # Who may look at the source sees who got its event; others see their own part, or that there is none.
    seen = [(await one.get("events/e-d-2")).json().get("deliveries", []) for one in (mine, theirs, strangers)]
    assert [[one["subscription"].rpartition("/")[2] for one in each] for each in seen] == [
        ["alerts", "theirs"], ["theirs"], [],
    ]  # fmt: skip
    assert (await strangers.get("events/e-d-2")).status_code == 404


async def test_explain_speaks_of_subscriptions_in_reach(client_as: As):
    mine, theirs = await client_as("Reader", WORKSPACE), await client_as("Reader", OTHER_WORKSPACE)

    async def explained(client: httpx.AsyncClient, **more: Any) -> Any:
        answer = await client.post("explain", json={"event": an_event()} | more)
        return [one["subscription"] for one in answer.json()["results"]] if answer.is_success else answer.status_code

    assert await explained(mine) == [ALERTS]
    assert await explained(theirs) == []
    assert await explained(theirs, subscription=ALERTS) == 403
    assert await explained(theirs, filter={"subjectBeginsWith": "models/"}) == [None]


async def test_a_scoped_owner_redrives_what_is_theirs(client_as: As):
    owner = await client_as("Owner", WORKSPACE)
    sender = await client_as("EventGrid Data Sender", "/")
    assert (await owner.post("dead-letters/redrive", json={})).status_code == 403
    assert (await owner.post("dead-letters/redrive", json={"delivery_ids": ["d-2"]})).status_code == 403
    begun = await owner.post("dead-letters/redrive", json={"subscription": ALERTS})
    assert (begun.status_code, begun.json()["total"]) == (202, 1)
    path = f"dead-letters/redrives/{begun.json()['id']}"
    others = (await client_as("Reader", OTHER_WORKSPACE), sender)
    assert [(await one.get(path)).status_code for one in (owner, *others)] == [200, 403, 403]
    assert [(await sender.get(path)).status_code for path in (*READ, "nothing")] == [403] * 5
