"""What is refused, in ARM's shape: code, message, target and details, for every rule."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from router.settings import Settings
from tests.api.running_api import TOKEN, Api, running, subscription_path, to_topic, to_webhook
from tests.builders import WORKSPACE

GROUP = WORKSPACE.partition("/providers/")[0]
HUB = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventHub/namespaces/n/eventhubs/h"
TOPIC = f"{GROUP}/providers/Microsoft.EventGrid/topics/orders"
SYSTEM_TOPIC = f"{GROUP}/providers/Microsoft.EventGrid/systemTopics/training"
ML_TYPE = "Microsoft.MachineLearningServices.Workspaces"
FILTERS = "properties.filter.advancedFilters"
DESTINATION = "properties.destination"
OAUTH = {"tokenUrl": "https://i/t", "clientId": "c", "clientSecret": "Hidden"}


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with running(Api(Settings())) as started:
        await started.put("there", to_topic("there"))
        await started.call("PUT", TOPIC, {"location": "local"})
        await started.call("PUT", SYSTEM_TOPIC, {"properties": {"source": WORKSPACE, "topicType": ML_TYPE}})
        yield started


def wanting(**wanted: Any) -> dict[str, Any]:
    return to_topic("t") | {"filter": wanted}


def one_filter(operator: Any, key: Any = "data.x", **operand: Any) -> dict[str, Any]:
    return wanting(advancedFilters=[{"operatorType": operator, "key": key} | operand])


def to_kind(kind: str) -> dict[str, Any]:
    return {"destination": {"endpointType": kind, "properties": {"resourceId": "/x"}}}


def with_header(**mapping: Any) -> dict[str, Any]:
    header = {"name": "x", "type": "Static", "properties": {"value": "v"}} | mapping
    return to_webhook("https://h/x", deliveryAttributeMappings=[header])


MAPPING = f"{DESTINATION}.properties.deliveryAttributeMappings"
TOO_MANY = [{"operatorType": "StringIn", "key": "data.x", "values": ["v"]}] * 26
RULES = [
    # (what the rule is, the properties of a PUT, what is wrong, words of the message)
    ("no destination", {}, DESTINATION, "object"),
    ("no endpoint type", {"destination": {"properties": {}}}, f"{DESTINATION}.endpointType", "not empty"),
    ("no properties", {"destination": {"endpointType": "WebHook"}}, f"{DESTINATION}.properties", "object"),
    *(
        (f"{kind} means nothing here", to_kind(kind), f"{DESTINATION}.endpointType", kind)
        for kind in ("StorageQueue", "ServiceBusQueue", "ServiceBusTopic", "AzureFunction", "HybridConnection")
    ),
    *(
        (f"{kind} means nothing here", to_kind(kind), f"{DESTINATION}.endpointType", kind)
        for kind in ("MonitorAlert", "NamespaceTopic", "PartnerDestination", "Pigeon")
    ),
    ("no URL", to_webhook(""), f"{DESTINATION}.properties.endpointUrl", "Supplied URL is invalid"),
    ("no hub", {"destination": {"endpointType": "EventHub", "properties": {"resourceId": WORKSPACE}}},
     f"{DESTINATION}.properties.resourceId", "eventhubs"),
    ("a hub that is no topic", {"destination": {"endpointType": "EventHub", "properties": {"resourceId": f"{HUB}é"}}},
     f"{DESTINATION}.properties.resourceId", "name of a topic"),
    ("batch too large", to_webhook("https://h/x", maxEventsPerBatch=5001),
     f"{DESTINATION}.properties.maxEventsPerBatch", "1 to 5000"),
    ("batch too heavy", to_webhook("https://h/x", preferredBatchSizeInKilobytes=0),
     f"{DESTINATION}.properties.preferredBatchSizeInKilobytes", "1 to 1024"),
    ("TLS of another age", to_webhook("https://h/x", minimumTlsVersionAllowed="0.9"),
     f"{DESTINATION}.properties.minimumTlsVersionAllowed", "1.2"),
    ("no Entra", to_webhook("https://h/x", azureActiveDirectoryTenantId="t"),
     f"{DESTINATION}.properties.azureActiveDirectoryTenantId", "Entra"),
    ("header without a type", with_header(type=None), f"{MAPPING}[0].type", "Static or Dynamic"),
    ("header of Event Grid's", with_header(name="aeg-x"), f"{MAPPING}[0].name", "aeg-"),
    ("header of the request", with_header(name="Host"), f"{MAPPING}[0].name", "request itself"),
    ("header without a field", with_header(type="Dynamic"), f"{MAPPING}[0].properties.sourceField", "not empty"),
    ("header too long", with_header(properties={"value": "v" * 4097}), f"{MAPPING}[0].properties.value", "4096"),
    ("header twice", to_webhook("https://h/x", deliveryAttributeMappings=[
        {"name": name, "type": "Static", "properties": {"value": "v"}} for name in ("x", "X")]), MAPPING, "twice"),
    ("too many headers", to_webhook("https://h/x", deliveryAttributeMappings=[
        {"name": f"x{at}", "type": "Static", "properties": {"value": "v"}} for at in range(11)]), MAPPING, "at most 10"),
    ("no secret to keep", to_webhook("https://h/x", oauth=OAUTH), f"{DESTINATION}.properties.oauth.clientSecret", "stored"),
    ("a managed identity", to_topic("t") | {"deliveryWithResourceIdentity": {"identity": {}}},
     "properties.deliveryWithResourceIdentity", "managed identities"),
    ("an identity for dead letters", to_topic("t") | {"deadLetterWithResourceIdentity": {"identity": {}}},
     "properties.deadLetterWithResourceIdentity", "managed identities"),
    ("unknown operator", one_filter("StringLike", values=["x"]), f"{FILTERS}[0].operatorType", "StringContains"),
    ("no operator", one_filter(None, values=["x"]), f"{FILTERS}[0].operatorType", "NumberIn"),
    ("no key", one_filter("IsNotNull", ""), f"{FILTERS}[0].key", "not empty"),
    ("an empty step", one_filter("IsNotNull", "data..x"), f"{FILTERS}[0].key", "dots"),
    ("too deep a key", one_filter("IsNotNull", ".".join("x" * 65)), f"{FILTERS}[0].key", "at most 64"),
    ("no values", one_filter("StringIn", values=[]), f"{FILTERS}[0].values", "at least one"),
    ("value for values", one_filter("StringIn", value="x"), f"{FILTERS}[0].values", "other operators"),
    ("values for value", one_filter("NumberLessThan", values=[1]), f"{FILTERS}[0].value", "other operators"),
    ("a number as text", one_filter("NumberIn", values=["5"]), f"{FILTERS}[0].values[0]", "a number"),
    ("text as a bool", one_filter("BoolEquals", value="true"), f"{FILTERS}[0].value", "true or false"),
    ("a text too long", one_filter("StringIn", values=["x" * 513]), f"{FILTERS}[0].values[0]", "at most 512"),
    ("a range upside down", one_filter("NumberInRange", values=[[2, 1]]), f"{FILTERS}[0].values[0]", "above"),
    ("no range", one_filter("NumberInRange", values=[1]), f"{FILTERS}[0].values[0]", "two numbers"),
    ("too many filters", wanting(advancedFilters=TOO_MANY), FILTERS, "at most 25"),
    ("too many values", one_filter("StringIn", values=["v"] * 26), FILTERS, "at most 25"),
    ("types that are none", wanting(includedEventTypes="All"), "properties.filter.includedEventTypes", "an array"),
    ("a subject that is none", wanting(subjectBeginsWith=1), "properties.filter.subjectBeginsWith", "a string"),
    ("attempts", to_topic("t") | {"retryPolicy": {"maxDeliveryAttempts": 31}},
     "properties.retryPolicy.maxDeliveryAttempts", "1 to 30"),
    ("time to live", to_topic("t") | {"retryPolicy": {"eventTimeToLiveInMinutes": 0}},
     "properties.retryPolicy.eventTimeToLiveInMinutes", "1 to 1440"),
    ("dead letters elsewhere", to_topic("t") | {"deadLetterDestination": {"endpointType": "EventHub"}},
     "properties.deadLetterDestination.endpointType", "StorageBlob"),
    ("no container", to_topic("t") | {"deadLetterDestination": {
        "endpointType": "StorageBlob", "properties": {"resourceId": "/x"}}},
     "properties.deadLetterDestination.properties.blobContainerName", "not empty"),
    ("unknown schema", to_topic("t") | {"eventDeliverySchema": "Avro"}, "properties.eventDeliverySchema", "CloudEvent"),
    ("a moment that is none", to_topic("t") | {"expirationTimeUtc": "soon"}, "properties.expirationTimeUtc", "ISO 8601"),
    ("a moment that has passed", to_topic("t") | {"expirationTimeUtc": "2001-01-01"},
     "properties.expirationTimeUtc", "Invalid expiration time"),
    ("a label that is none", to_topic("t") | {"labels": [1]}, "properties.labels[0]", "a string"),
]  # fmt: skip


def check_shape(answer: Any, status: int, code: str, target: str, words: str) -> None:
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["target"]) == (status, code, target), error
    assert words.lower() in error["message"].lower()
    assert error["details"][0] == {name: error[name] for name in ("code", "message", "target")}


@pytest.mark.parametrize(
    ("properties", "target", "words"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES]
)
async def test_a_definition_against_the_rules_says_which_and_where(
    api: Api, properties: dict[str, Any], target: str, words: str
):
    check_shape(await api.put("new", properties), 400, "InvalidRequest", target, words)
    assert api.stored("new") is None


ELSEWHERE = WORKSPACE + "x"
OTHERS: list[tuple[str, str, str, Any, int, str, str, str]] = [
    ("a short name", "PUT", subscription_path("ab"), to_topic("t"), 400, "InvalidRequest", "name", "3 to 64"),
    ("a strange name", "PUT", subscription_path("a_b"), to_topic("t"), 400, "InvalidRequest", "name", "3 to 64"),
    ("no such source", "PUT", subscription_path("new", ELSEWHERE), to_topic("t"), 404, "ResourceNotFound", ELSEWHERE, "source"),
    ("no such source to list", "GET", subscription_path("", ELSEWHERE), None, 404, "ResourceNotFound", ELSEWHERE, "source"),
    ("no such subscription", "GET", subscription_path("none"), None, 404, "ResourceNotFound", subscription_path("none"), "none"),
    ("nothing to change", "PATCH", subscription_path("none"), {}, 404, "ResourceNotFound", subscription_path("none"), "none"),
    ("a wrapped PATCH", "PATCH", subscription_path("there"), {"properties": {}}, 400, "InvalidRequest", "properties", "wrapped"),
    ("a short topic name", "PUT", f"{TOPIC.removesuffix('orders')}ab", {}, 400, "InvalidRequest", "name", "between 3 and 50"),
    ("a reserved topic name", "PUT", f"{TOPIC.removesuffix('orders')}system1", {}, 400, "InvalidRequest", "name", "begin with"),
    ("a schema that stays", "PUT", TOPIC, {"properties": {"inputSchema": "CloudEventSchemaV1_0"}}, 400, "InvalidRequest", "properties.inputSchema", "cannot be changed"),
    ("a closed network", "PUT", TOPIC, {"properties": {"publicNetworkAccess": "Disabled"}}, 400, "InvalidRequest", "properties.publicNetworkAccess", "Enabled"),
    ("a firewall", "PATCH", TOPIC, {"properties": {"inboundIpRules": [{"ipMask": "10.0.0.0/8"}]}}, 400, "InvalidRequest", "properties.inboundIpRules", "[]"),
    ("no keys", "PUT", TOPIC, {"properties": {"disableLocalAuth": True}}, 400, "InvalidRequest", "properties.disableLocalAuth", "false"),
    ("an identity", "PUT", TOPIC, {"identity": {"type": "SystemAssigned"}}, 400, "InvalidRequest", "identity.type", "None"),
    ("no such topic", "GET", TOPIC + "x", None, 404, "ResourceNotFound", TOPIC + "x", "topic"),
    ("no such key", "POST", f"{TOPIC}/regenerateKey", {"keyName": "key3"}, 400, "InvalidRequest", "keyName", "key1"),
    ("a source that stays", "PUT", SYSTEM_TOPIC, {"properties": {"source": "two", "topicType": ML_TYPE}}, 409, "Conflict", "properties.source", "cannot be changed"),
    ("a second one", "PUT", SYSTEM_TOPIC + "2", {"properties": {"source": WORKSPACE, "topicType": ML_TYPE}}, 409, "Conflict", "properties.source", "one system topic"),
    ("no such workspace", "PUT", SYSTEM_TOPIC + "3", {"properties": {"source": "/x", "topicType": ML_TYPE}}, 404, "ResourceNotFound", "properties.source", "not found"),
    ("another topic type", "PUT", SYSTEM_TOPIC + "3", {"properties": {"source": "/x", "topicType": "a.b"}}, 400, "InvalidRequest", "properties.topicType", ML_TYPE),
    ("no such system topic", "GET", SYSTEM_TOPIC + "9", None, 404, "ResourceNotFound", SYSTEM_TOPIC + "9", "system topic"),
    ("a workspace's name", "PUT", WORKSPACE.rpartition("/")[0] + "/a.b", {}, 400, "InvalidRequest", "name", "3 to 33"),
    ("no such source to ask for types", "GET", f"{ELSEWHERE}/providers/Microsoft.EventGrid/eventTypes", None, 404, "ResourceNotFound", ELSEWHERE, "source"),
    ("no such topic type", "GET", "/providers/Microsoft.EventGrid/topicTypes/a.b", None, 404, "ResourceNotFound", "topicType", ML_TYPE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code", "target", "words"),
    [one[1:] for one in OTHERS],
    ids=[one[0] for one in OTHERS],
)
async def test_every_other_rule_is_told_likewise(  # noqa: PLR0913, PLR0917 (a table)
    api: Api, method: str, path: str, body: Any, status: int, code: str, target: str, words: str
):
    if target == "properties.source" and code == "Conflict" and path == SYSTEM_TOPIC:
        two = WORKSPACE + "2"
        await api.sources.create(two, kind="workspace")
        body = {"properties": {"source": two, "topicType": ML_TYPE}}
    is_subscription = method == "PUT" and path.lower().rpartition("/")[0].endswith("/eventsubscriptions")
    answer = await api.call(method, path, {"properties": body} if is_subscription else body)
    check_shape(answer, status, code, target, words)


async def test_all_that_is_wrong_is_told_at_once(api: Api):
    filters = [{"operatorType": "Nope", "key": "x"}, {"operatorType": "StringIn", "key": "data.x", "values": [1]}]
    properties = to_kind("Pigeon") | {"labels": "x", "retryPolicy": {"maxDeliveryAttempts": 0}}
    error = (await api.put("new", properties | {"filter": {"advancedFilters": filters}})).json()["error"]
    assert [one["target"] for one in error["details"]] == [
        f"{DESTINATION}.endpointType",
        f"{FILTERS}[0].operatorType",
        f"{FILTERS}[1].values[0]",
        "properties.retryPolicy.maxDeliveryAttempts",
        "properties.labels",
    ]
    assert error["target"] == f"{DESTINATION}.endpointType"
    assert error["message"].endswith("(4 more in the details)")
    many = [{"operatorType": "Nope", "key": "x"}] * 1000
    error = (await api.put("new", to_topic("t") | {"filter": {"advancedFilters": many}})).json()["error"]
    assert len(error["details"]) == 25


async def test_a_patch_tells_all_that_is_wrong_as_well(api: Api):
    body = {"labels": 1, "retryPolicy": [], "destination": {"endpointType": "EventHub", "properties": {}}}
    error = (await api.call("PATCH", subscription_path("there"), body)).json()["error"]
    assert [one["target"] for one in error["details"]] == ["destination.properties.resourceId", "retryPolicy", "labels"]


@pytest.mark.parametrize(
    ("headers", "target"), [({"if-match": '"1"'}, "If-Match"), ({"if-none-match": "*"}, "If-None-Match")]
)
async def test_what_was_changed_meanwhile_is_told_by_its_condition(api: Api, headers: dict[str, str], target: str):
    headers |= {"authorization": f"Bearer {TOKEN}"}
    path = f"{subscription_path('there')}?api-version=2025-02-15"
    answer = await api.client.put(path, json={"properties": to_topic("t")}, headers=headers)
    check_shape(answer, 412, "PreconditionFailed", target, "event subscription")
