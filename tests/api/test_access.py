"""Who may do what: every route, without credentials, with bad ones, and across roles."""

from pathlib import Path

from router.api.path_patterns import PATTERNS
from tests.api.every_route import GROUP, SUBSCRIPTION, V1_READING, Route, filled
from tests.api.running_api import TOKEN, to_topic
from tests.api.running_site import EVENT, Site, bad_tokens
from tests.builders import WORKSPACE
from topics.resources import Principal, RoleAssignment

EVENT_GRID = f"{GROUP}/providers/Microsoft.EventGrid"
SYSTEM_TOPIC = f"{EVENT_GRID}/systemTopics/st1"
SUBSCRIPTIONS = "providers/Microsoft.EventGrid/eventSubscriptions"


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


async def test_a_subscription_may_ask_for_every_source_of_a_group(site: Site):
    for scope in (GROUP, SUBSCRIPTION):
        path = f"{scope}/{SUBSCRIPTIONS}/wide"
        answer = await site.api.call("PUT", path, {"properties": to_topic("wide")})
        assert (answer.status_code, answer.json()["id"]) == (201, path)
    listed = (await site.api.call("GET", f"{SUBSCRIPTION}/{SUBSCRIPTIONS}")).json()["value"]
    assert sorted(one["name"] for one in listed) == ["es1", "wide", "wide"]
    assert (await site.status("PUT", f"{GROUP}/{SUBSCRIPTIONS}/x", await site.principal("Owner", WORKSPACE)))[0] == 403
