"""Custom topics through the management API: what SDKs and `az` ask, and what they get (§8.3, §8.4)."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from router.settings import Settings
from tests.api.running_api import Api, running, to_topic
from tests.builders import RESOURCE_GROUP

TOPICS = f"{RESOURCE_GROUP}/providers/Microsoft.EventGrid/topics"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"))
    async with running(Api(settings)) as started:
        yield started


async def create(api, name, **properties):
    return await api.call("PUT", f"{TOPICS}/{name}", {"location": "westus2", "properties": properties})


async def test_a_topic_is_creating_then_succeeded(api):
    answer = await create(api, "orders", inputSchema="EventGridSchema")
    assert answer.status_code == 201
    assert answer.json()["properties"]["provisioningState"] == "Creating"
    assert answer.json()["properties"]["endpoint"] is None
    assert answer.headers["retry-after"] == "0"
    assert (await api.settled(answer))["status"] == "Succeeded"
    shown = (await api.call("GET", f"{TOPICS}/ORDERS")).json()
    assert shown["properties"] | {"metricResourceId": ""} == {
        "provisioningState": "Succeeded",
        "endpoint": f"{api.url}/topics/orders/api/events",
        "inputSchema": "EventGridSchema",
        "inputSchemaMapping": None,
        "metricResourceId": "",
        "publicNetworkAccess": "Enabled",
        "disableLocalAuth": False,
    }
    assert (shown["name"], shown["type"], shown["location"]) == ("orders", "Microsoft.EventGrid/topics", "westus2")


async def test_putting_it_again_keeps_the_keys_but_not_another_schema(api):
    await create(api, "keeper")
    keys = (await api.call("POST", f"{TOPICS}/keeper/listKeys")).json()
    assert (await create(api, "keeper")).json()["properties"]["provisioningState"] == "Updating"
    assert (await api.call("POST", f"{TOPICS}/keeper/LISTKEYS")).json() == keys
    refused = await create(api, "keeper", inputSchema="CloudEventSchemaV1_0")
    assert (refused.status_code, refused.json()["error"]["target"]) == (400, "properties.inputSchema")


async def test_a_key_is_made_anew_and_the_other_goes_on(api):
    await create(api, "rotating")
    before = (await api.call("POST", f"{TOPICS}/rotating/listKeys")).json()
    after = (await api.call("POST", f"{TOPICS}/rotating/regenerateKey", {"keyName": "key1"})).json()
    assert after["key1"] != before["key1"]
    assert after["key2"] == before["key2"]
    assert api.sources.view.by_key(after["key1"]).name == "rotating"
    assert api.sources.view.by_key(before["key1"]) is None
    refused = await api.call("POST", f"{TOPICS}/rotating/regenerateKey", {"keyName": "key3"})
    assert refused.status_code == 400


async def test_a_custom_schema_keeps_its_mapping(api):
    mapping = {
        "inputSchemaMappingType": "Json",
        "properties": {
            "id": {"sourceField": "myId"},
            "eventType": {"sourceField": "kind", "defaultValue": "T"},
            "subject": {"defaultValue": "S"},
        },
    }
    await create(api, "custom", inputSchema="customeventschema", inputSchemaMapping=mapping)
    shown = (await api.call("GET", f"{TOPICS}/custom")).json()["properties"]
    assert (shown["inputSchema"], shown["inputSchemaMapping"]) == ("CustomEventSchema", mapping)


@pytest.mark.parametrize(
    ("name", "properties", "words"),
    [
        ("ab", {}, "Topic name must be between 3 and 50 characters in length."),
        ("x" * 51, {}, "Topic name must be between 3 and 50 characters in length."),
        ("a_b", {}, "A-Z, a-z, 0-9 and '-'"),
        ("System-topic", {}, "does not begin with Microsoft"),
        ("fine", {"inputSchema": "Xml"}, "properties.inputSchema"),
        ("fine", {"inputSchemaMapping": {}}, "CustomEventSchema only"),
        (
            "fine",
            {"inputSchema": "CustomEventSchema", "inputSchemaMapping": {"properties": {"id": {"defaultValue": "1"}}}},
            "properties.inputSchemaMapping.properties.id.defaultValue",
        ),
    ],
)
async def test_what_is_not_allowed_is_named(api, name, properties, words):
    answer = await create(api, name, **properties)
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]


async def test_lists_hold_the_topics_of_a_group(api):
    await create(api, "listed")
    for group in (RESOURCE_GROUP, RESOURCE_GROUP.partition("/resourceGroups")[0]):
        answer = await api.call(
            "GET", f"{group}/providers/Microsoft.EventGrid/topics", **{"$filter": "name eq 'listed'"}
        )
        assert [one["name"] for one in answer.json()["value"]] == ["listed"]


async def test_subscriptions_on_its_scope_and_nested_under_it_are_the_same(api):
    await create(api, "nesting")
    nested, scoped = (
        f"{TOPICS}/nesting/eventSubscriptions",
        f"{TOPICS}/nesting/providers/Microsoft.EventGrid/eventSubscriptions",
    )
    assert (await api.call("PUT", f"{nested}/one", {"properties": to_topic("nested-one")})).status_code == 201
    assert (await api.call("GET", f"{scoped}/one")).json()["id"] == f"{scoped}/one"
    assert [one["name"] for one in (await api.call("GET", nested)).json()["value"]] == ["one"]
    assert (await api.call("POST", f"{nested}/one/getDeliveryAttributes")).status_code == 200


async def test_a_topic_of_cloud_events_refuses_event_grid_delivery_at_create(api):
    await create(api, "clouds", inputSchema="CloudEventSchemaV1_0")
    properties = to_topic("grid-of-clouds") | {"eventDeliverySchema": "EventGridSchema"}
    answer = await api.call("PUT", f"{TOPICS}/clouds/eventSubscriptions/grid", {"properties": properties})
    assert answer.status_code == 400
    assert "CloudEventSchemaV1_0" in answer.json()["error"]["message"]


async def test_deleting_takes_its_subscriptions_along_and_is_never_answered_200(api):
    await create(api, "leaving")
    await api.call("PUT", f"{TOPICS}/leaving/eventSubscriptions/one", {"properties": to_topic("leaving-one")})
    answer = await api.call("DELETE", f"{TOPICS}/leaving")
    assert answer.status_code == 202
    assert (await api.settled(answer))["status"] == "Succeeded"
    assert (await api.call("GET", f"{TOPICS}/leaving")).status_code == 404
    assert api.subscriptions.view.get(f"{TOPICS}/leaving/providers/Microsoft.EventGrid/eventSubscriptions/one") is None
    assert (await api.call("DELETE", f"{TOPICS}/leaving")).status_code == 204
    assert (await api.call("POST", f"{TOPICS}/leaving/listKeys")).status_code == 404


async def test_tags_are_changed_by_patch(api):
    await create(api, "tagged")
    answer = await api.call("PATCH", f"{TOPICS}/tagged", {"tags": {"team": "ml"}})
    assert answer.status_code == 201
    assert (await api.call("GET", f"{TOPICS}/tagged")).json()["tags"] == {"team": "ml"}


async def test_an_unknown_version_is_refused(api):
    answer = await api.call("GET", f"{TOPICS}/orders", version="2000-01-01")
    assert answer.json()["error"]["code"] == "InvalidApiVersionParameter"
