"""`…/resources`: what `az resource list` asks for."""

from collections.abc import AsyncIterator

import pytest

from router.settings import Settings
from tests.api.running_api import Api, running
from tests.builders import WORKSPACE

GROUP = WORKSPACE.partition("/providers/")[0]
SUBSCRIPTION = GROUP.partition("/resourceGroups/")[0]
TOPIC = f"{GROUP}2/providers/Microsoft.EventGrid/topics/orders"
SYSTEM_TOPIC = f"{GROUP}/providers/Microsoft.EventGrid/systemTopics/training"
ML_TOPIC = {"source": WORKSPACE, "topicType": "Microsoft.MachineLearningServices.Workspaces"}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running(Api(Settings())) as started:
        for path, body in ((TOPIC, {"tags": {"team": "a"}}), (SYSTEM_TOPIC, {"properties": ML_TOPIC})):
            assert (await started.call("PUT", path, {"location": "local"} | body)).status_code == 201
        yield started


@pytest.mark.parametrize(
    ("scope", "text", "found"),
    [
        (SUBSCRIPTION, None, [SYSTEM_TOPIC, WORKSPACE, TOPIC]),
        (SUBSCRIPTION, "", [SYSTEM_TOPIC, WORKSPACE, TOPIC]),
        (GROUP, None, [SYSTEM_TOPIC, WORKSPACE]),
        (SUBSCRIPTION, "resourceType eq 'microsoft.eventgrid/topics'", [TOPIC]),
        (SUBSCRIPTION, f"resourceGroup eq '{GROUP.rpartition('/')[2]}2' and name eq 'orders'", [TOPIC]),
        (SUBSCRIPTION, "location eq 'westus'", []),
    ],
)
async def test_a_group_lists_everything_that_is_in_it(api: Api, scope: str, text: str | None, found: list[str]):
    query = {} if text is None else {"$filter": text}
    answer = await api.call("GET", f"{scope}/resources", version="2024-11-01", **query)
    assert [one["id"] for one in answer.json()["value"]] == found
    assert [(await api.call("GET", one)).json()["type"] for one in found] == [
        one["type"] for one in answer.json()["value"]
    ]


async def test_a_filter_on_something_else_is_refused_with_what_is_known(api: Api):
    answer = await api.call("GET", f"{SUBSCRIPTION}/resources", **{"$filter": "tagName eq 'team'"})
    assert (answer.status_code, answer.json()["error"]["target"]) == (400, "$filter")
    assert "resourceGroup" in answer.json()["error"]["message"]


async def test_pages_fit_together(api: Api):
    page = (await api.call("GET", f"{SUBSCRIPTION}/resources", **{"$top": "2"})).json()
    assert len(page["value"]) == 2
    rest = await api.client.get(page["nextLink"], headers={"authorization": "Bearer the-token-of-the-administrator"})
    assert [one["id"] for one in rest.json()["value"]] == [TOPIC]
