"""Workspaces over HTTP: made, listed, their keys, and what goes with them."""

from typing import Any

import pytest

from tests.api.running_api import Api, subscription_path, to_topic
from tests.builders import RESOURCE_GROUP, WORKSPACE

VISION = f"{RESOURCE_GROUP}/providers/Microsoft.MachineLearningServices/workspaces/vision"
ANY_VERSION = "2024-10-01"


async def call(api: Api, method: str, path: str, body: Any = None) -> Any:
    return await api.call(method, path, body, version=ANY_VERSION)


async def test_a_workspace_is_created_and_shown(api: Api):
    answer = await call(api, "PUT", VISION, {"location": "westeurope", "tags": {"team": "vision"}})
    assert answer.status_code == 201
    assert answer.json() == {
        "id": VISION,
        "name": "vision",
        "type": "Microsoft.MachineLearningServices/workspaces",
        "location": "westeurope",
        "tags": {"team": "vision"},
        "properties": {"friendlyName": "vision", "provisioningState": "Succeeded"},
    }
    assert (await call(api, "GET", VISION)).json() == answer.json()


async def test_creating_it_again_keeps_its_keys(api: Api):
    await call(api, "PUT", VISION, {})
    keys = (await call(api, "POST", f"{VISION}/listKeys")).json()
    assert (await call(api, "PUT", VISION)).status_code == 200
    assert (await call(api, "POST", f"{VISION}/listkeys")).json() == keys
    assert set(keys) == {"key1", "key2"}


async def test_one_key_can_be_made_anew(api: Api):
    before = (await call(api, "POST", f"{WORKSPACE}/listKeys")).json()
    after = (await call(api, "POST", f"{WORKSPACE}/regenerateKey", {"keyName": "key2"})).json()
    assert after["key1"] == before["key1"]
    assert after["key2"] != before["key2"]
    assert (await call(api, "POST", f"{WORKSPACE}/listKeys")).json() == after


@pytest.mark.parametrize("body", [{}, {"keyName": "key3"}, {"keyName": 1}])
async def test_only_key1_and_key2_can_be_made_anew(api: Api, body: Any):
    answer = await call(api, "POST", f"{WORKSPACE}/regenerateKey", body)
    assert answer.status_code == 400
    assert "key1, key2" in answer.json()["error"]["message"]


async def test_workspaces_are_listed_by_group_and_subscription(api: Api):
    elsewhere = VISION.replace("/local/", "/elsewhere/")
    await call(api, "PUT", elsewhere, {})
    all_of_them = RESOURCE_GROUP.partition("/resourceGroups")[0]
    for scope, names in ((all_of_them, ["vision", "local"]), (RESOURCE_GROUP, ["local"])):
        listed = await call(api, "GET", f"{scope}/providers/Microsoft.MachineLearningServices/workspaces")
        assert [one["name"] for one in listed.json()["value"]] == names


async def test_a_deleted_workspace_takes_its_subscriptions_along(api: Api):
    await call(api, "PUT", VISION, {})
    await api.call("PUT", subscription_path("sights", VISION), {"properties": to_topic("sights")})
    assert (await call(api, "DELETE", VISION)).status_code == 200
    assert (await call(api, "GET", VISION)).status_code == 404
    assert api.subscriptions.view.all() == []
    assert (await call(api, "DELETE", VISION)).status_code == 204


async def test_a_deleted_workspace_takes_its_system_topic_along(api: Api):
    """In Azure as well; or there could be no other one of a workspace that is made again."""
    await call(api, "PUT", VISION, {})
    topic = f"{RESOURCE_GROUP}/providers/Microsoft.EventGrid/systemTopics/sights"
    definition = {"source": VISION, "topicType": "Microsoft.MachineLearningServices.Workspaces"}
    assert (await api.call("PUT", topic, {"properties": definition})).status_code == 201
    await api.call("PUT", f"{topic}/eventSubscriptions/seen", {"properties": to_topic("seen")})
    assert (await call(api, "DELETE", VISION)).status_code == 200
    assert (await api.call("GET", topic)).status_code == 404
    assert api.subscriptions.view.all() == []


async def test_what_an_interrupted_delete_has_left_the_next_one_takes_along(api: Api):
    topic = f"{RESOURCE_GROUP}/providers/Microsoft.EventGrid/topics/orders"
    await call(api, "PUT", VISION, {})
    await api.call("PUT", topic, {"location": "local"})
    for source in (VISION, topic):
        await api.call("PUT", subscription_path("sights", source), {"properties": to_topic("sights")})
        await api.sources.delete(source)  # and there it was interrupted
        assert (await api.call("DELETE", source)).status_code == 204
    assert api.subscriptions.view.all() == []


@pytest.mark.parametrize("name", ["ab", "-abc", "a" * 34, "a.b.c"])
async def test_a_wrong_name_is_refused_with_the_figures(api: Api, name: str):
    answer = await call(api, "PUT", VISION.replace("vision", name), {})
    assert answer.status_code == 400
    assert "3 to 33" in answer.json()["error"]["message"]


@pytest.mark.parametrize(("body", "words"), [({"tags": {"a": 1}}, "tags"), ({"location": 5}, "location: 5")])
async def test_wrong_members_are_refused_by_name(api: Api, body: Any, words: str):
    answer = await call(api, "PUT", VISION, body)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


async def test_what_is_not_there_has_no_keys(api: Api):
    answer = await call(api, "POST", f"{VISION}/listKeys")
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "ResourceNotFound")
