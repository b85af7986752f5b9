"""Event subscriptions over HTTP, as the SDKs and az use them."""

import asyncio
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from router.api import provisioning
from router.settings import Settings
from tests.api.running_api import LIVE, Api, Endpoint, running, subscription_path, to_topic, to_webhook, until
from tests.builders import RESOURCE_GROUP, WORKSPACE
from topics import EVENT_TYPES
from topics.events import MACHINE_LEARNING

ALL_FIVE = [event_type.name for event_type in EVENT_TYPES]


def error_of(answer: Any) -> dict[str, Any]:
    assert answer.headers["content-type"].startswith("application/json")
    return dict(answer.json()["error"])


# ---- topics


async def test_a_topic_subscription_is_live_and_its_topic_there_when_the_answer_comes(api: Api):
    answer = await api.put("alerts", to_topic("Alerts"))
    assert answer.status_code == 201
    assert answer.json()["properties"]["provisioningState"] == "Creating"
    assert answer.headers["retry-after"] == "0"
    assert api.topics.names == {"Alerts"}
    stored = api.stored("alerts")
    assert stored is not None
    assert stored.is_live
    assert (await api.get("alerts")).json()["properties"]["provisioningState"] == LIVE
    assert (await api.settled(answer))["status"] == "Succeeded"


async def test_the_answer_has_azures_shape(api: Api):
    await api.put("alerts", to_topic("EH1") | {"filter": {"subjectBeginsWith": "models/"}, "labels": ["ours"]})
    assert (await api.get("alerts")).json() == {
        "id": subscription_path("alerts"),
        "name": "alerts",
        "type": "Microsoft.EventGrid/eventSubscriptions",
        "systemData": None,
        "properties": {
            "topic": f"{RESOURCE_GROUP}/providers/microsoft.machinelearningservices/workspaces/local",
            "provisioningState": "Succeeded",
            "destination": {
                "endpointType": "EventHub",
                "properties": {
                    "resourceId": f"{RESOURCE_GROUP}/providers/Microsoft.EventHub/namespaces/local/eventhubs/EH1",
                    "deliveryAttributeMappings": None,
                },
            },
            "filter": {"subjectBeginsWith": "models/", "subjectEndsWith": "", "includedEventTypes": ALL_FIVE},
            "labels": ["ours"],
            "eventDeliverySchema": None,
            "expirationTimeUtc": None,
            "retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440},
            "deadLetterDestination": None,
        },
    }


async def test_paths_are_read_without_regard_to_case_and_the_id_stays_what_it_was(api: Api):
    await api.put("alerts", to_topic("alerts"))
    odd = f"{api.url}/" + subscription_path("ALERTS").replace("resourceGroups", "resourcegroups").replace(
        "EventGrid", "eventgrid"
    )
    shown = await api.call("GET", odd)
    assert shown.status_code == 200
    assert shown.json()["id"] == subscription_path("alerts")
    assert (await api.call("PUT", odd, {"properties": to_topic("other")})).json()["id"] == subscription_path("alerts")


async def test_all_asks_for_every_type_and_is_shown_as_all(api: Api):
    await api.put("alerts", to_topic("alerts") | {"filter": {"includedEventTypes": ["all"]}})
    stored = api.stored("alerts")
    assert stored is not None
    assert stored.filter.included_event_types is None
    assert (await api.get("alerts")).json()["properties"]["filter"]["includedEventTypes"] == ["All"]


async def test_an_unknown_type_is_accepted_with_a_warning_that_names_the_nearest(api: Api):
    misspelled = MACHINE_LEARNING + "ModelRegisterd"
    answer = await api.put("alerts", to_topic("alerts") | {"filter": {"includedEventTypes": [misspelled]}})
    assert answer.status_code == 201
    (warning,) = json.loads(answer.headers["x-router-warnings"])
    assert misspelled in warning
    assert warning.endswith(f"{MACHINE_LEARNING}ModelRegistered.")


async def test_a_put_replaces_the_whole_definition(api: Api):
    await api.put("alerts", to_topic("alerts") | {"labels": ["ours"]})
    answer = await api.put("alerts", to_topic("alerts"))
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (201, "Updating")
    assert (await api.get("alerts")).json()["properties"]["labels"] is None


async def test_a_patch_changes_what_it_gives_and_keeps_the_rest(api: Api):
    await api.put("alerts", to_topic("alerts") | {"labels": ["ours"], "filter": {"subjectBeginsWith": "models/"}})
    answer = await api.call("PATCH", subscription_path("alerts"), {"filter": {"subjectEndsWith": ":1"}})
    assert (answer.status_code, answer.json()["properties"]["provisioningState"]) == (201, "Updating")
    properties = (await api.get("alerts")).json()["properties"]
    assert properties["labels"] == ["ours"]
    assert properties["filter"] == {"subjectBeginsWith": "", "subjectEndsWith": ":1", "includedEventTypes": ALL_FIVE}
    assert properties["provisioningState"] == LIVE


async def test_two_patches_at_once_both_hold(api: Api):
    await api.put("alerts", to_topic("alerts"))
    path = subscription_path("alerts")
    await asyncio.gather(
        api.call("PATCH", path, {"labels": ["ours"]}),
        api.call("PATCH", path, {"retryPolicy": {"maxDeliveryAttempts": 3}}),
    )
    properties = (await api.get("alerts")).json()["properties"]
    assert (properties["labels"], properties["retryPolicy"]["maxDeliveryAttempts"]) == (["ours"], 3)


async def test_a_patch_of_what_is_not_there_is_not_found(api: Api):
    answer = await api.call("PATCH", subscription_path("nothing"), {"labels": []})
    assert (answer.status_code, error_of(answer)["code"]) == (404, "ResourceNotFound")


async def test_a_deleted_subscription_is_gone_and_its_topic_stays(api: Api):
    await api.put("alerts", to_topic("alerts"))
    answer = await api.call("DELETE", subscription_path("alerts"))
    assert (answer.status_code, answer.content) == (202, b"")
    assert (await api.get("alerts")).status_code == 404
    assert (await api.settled(answer))["status"] == "Succeeded"
    results = await api.client.get(
        answer.headers["location"], headers={"authorization": answer.request.headers["authorization"]}
    )
    assert results.status_code == 204
    assert api.topics.names == {"alerts"}


async def test_deleting_what_is_not_there_is_no_error(api: Api):
    assert (await api.call("DELETE", subscription_path("nothing"))).status_code == 204


async def test_delete_topic_takes_the_topic_along(api: Api):
    await api.put("alerts", to_topic("alerts"))
    assert (await api.call("DELETE", subscription_path("alerts"), deleteTopic="true")).status_code == 202
    assert api.topics.names == set()


async def test_delete_topic_is_refused_while_another_subscription_uses_the_topic(api: Api):
    await api.put("alerts", to_topic("shared"))
    await api.put("others", to_topic("shared"))
    answer = await api.call("DELETE", subscription_path("alerts"), deleteTopic="true")
    assert answer.status_code == 409
    assert "others" in error_of(answer)["message"]
    assert (await api.get("alerts")).status_code == 200


# ---- webhooks


async def test_a_webhook_is_live_once_its_endpoint_has_confirmed(api: Api, endpoint: Endpoint):
    endpoint.held.clear()
    answer = await api.put("hook", to_webhook(f"{endpoint.url}/hook?code=s3cret"))
    assert answer.status_code == 201
    assert (await api.get("hook")).json()["properties"]["provisioningState"] == "Creating"
    endpoint.held.set()
    assert (await api.settled(answer))["status"] == "Succeeded"
    shown = (await api.get("hook")).json()["properties"]
    assert shown["provisioningState"] == LIVE
    assert shown["destination"] == {
        "endpointType": "WebHook",
        "properties": {
            "endpointUrl": None,
            "endpointBaseUrl": f"{endpoint.url}/hook",
            "maxEventsPerBatch": 1,
            "preferredBatchSizeInKilobytes": 64,
            "deliveryAttributeMappings": None,
        },
    }
    (asked,) = endpoint.asked
    assert asked["eventType"] == "Microsoft.EventGrid.SubscriptionValidationEvent"


async def test_a_cloud_events_subscription_is_validated_with_options(api: Api, endpoint: Endpoint):
    answer = await api.put("hook", to_webhook(endpoint.url) | {"eventDeliverySchema": "CloudEventSchemaV1_0"})
    assert (await api.settled(answer))["status"] == "Succeeded"
    assert endpoint.asked == [{"method": "OPTIONS"}]


async def test_an_endpoint_that_does_not_confirm_fails_the_operation_in_azures_words(api: Api, endpoint: Endpoint):
    endpoint.confirms = False
    answer = await api.put("hook", to_webhook(f"{endpoint.url}/hook?code=s3cret"))
    assert answer.status_code == 201
    operation = await api.settled(answer)
    assert operation["status"] == "Failed"
    assert operation["error"]["code"] == "Url validation"
    assert operation["error"]["message"].startswith(
        f"Webhook validation handshake failed for {endpoint.url}/hook. Http POST"
    )
    assert "s3cret" not in operation["error"]["message"]
    assert (await api.get("hook")).json()["properties"]["provisioningState"] == "Failed"
    endpoint.confirms = True
    assert (await api.settled(await api.put("hook", to_webhook(endpoint.url))))["status"] == "Succeeded"


async def test_only_get_full_url_tells_the_query_of_an_endpoint(api: Api, endpoint: Endpoint):
    url = f"{endpoint.url}/hook?code=s3cret"
    await api.settled(await api.put("hook", to_webhook(url)))
    assert (await api.call("POST", subscription_path("hook") + "/getFullUrl")).json() == {"endpointUrl": url}
    shown = (await api.get("hook")).text + (await api.call("GET", subscription_path(""))).text
    assert "s3cret" not in shown
    assert b"s3cret" not in b"".join(message.value or b"" for message in api.producer.topics["router.subscriptions"])


async def test_secret_headers_are_hidden_and_hidden_sent_back_keeps_them(api: Api, endpoint: Endpoint):
    secret = {"name": "x-key", "type": "Static", "properties": {"value": "s3cret", "isSecret": True}}
    field = {"name": "x-model", "type": "Dynamic", "properties": {"sourceField": "data.modelName"}}
    answer = await api.put("hook", to_webhook(endpoint.url, deliveryAttributeMappings=[secret, field]))
    assert "s3cret" not in answer.text
    await api.settled(answer)
    shown = (await api.get("hook")).json()["properties"]["destination"]
    assert shown["properties"]["deliveryAttributeMappings"][0]["properties"] == {"value": "Hidden", "isSecret": True}
    assert (await api.call("PATCH", subscription_path("hook"), {"destination": shown})).status_code == 201
    told = (await api.call("POST", subscription_path("hook") + "/getDeliveryAttributes")).json()
    assert told == {"value": [secret, field]}


async def test_a_patch_without_a_url_keeps_the_endpoint_and_asks_it_no_more(api: Api, endpoint: Endpoint):
    url = f"{endpoint.url}/hook?code=s3cret"
    await api.settled(await api.put("hook", to_webhook(url)))
    change = {"destination": {"endpointType": "WebHook", "properties": {"maxEventsPerBatch": 10}}}
    answer = await api.call("PATCH", subscription_path("hook"), change)
    assert (await api.settled(answer))["status"] == "Succeeded"
    assert (await api.call("POST", subscription_path("hook") + "/getFullUrl")).json() == {"endpointUrl": url}
    assert (await api.get("hook")).json()["properties"]["destination"]["properties"]["maxEventsPerBatch"] == 10
    assert len(endpoint.asked) == 1


async def test_the_old_endpoint_goes_on_until_the_new_one_has_confirmed(api: Api, endpoint: Endpoint):
    await api.settled(await api.put("hook", to_webhook(f"{endpoint.url}/old")))
    endpoint.held.clear()
    answer = await api.put("hook", to_webhook(f"{endpoint.url}/new"))
    assert answer.json()["properties"]["provisioningState"] == "Updating"
    stored = api.stored("hook")
    assert stored is not None
    assert (stored.is_live, stored.sink.endpoint_base_url) == (True, f"{endpoint.url}/old")
    endpoint.held.set()
    assert (await api.settled(answer))["status"] == "Succeeded"
    assert (await api.get("hook")).json()["properties"]["destination"]["properties"][
        "endpointBaseUrl"
    ] == f"{endpoint.url}/new"


async def test_a_failed_update_keeps_the_old_definition(api: Api, endpoint: Endpoint):
    await api.settled(await api.put("hook", to_webhook(f"{endpoint.url}/old")))
    endpoint.confirms = False
    operation = await api.settled(await api.put("hook", to_webhook(f"{endpoint.url}/new") | {"labels": ["new"]}))
    assert (operation["status"], operation["error"]["code"]) == ("Failed", "Url validation")
    shown = (await api.get("hook")).json()["properties"]
    assert (shown["provisioningState"], shown["labels"]) == (LIVE, None)
    assert shown["destination"]["properties"]["endpointBaseUrl"] == f"{endpoint.url}/old"


async def test_a_later_definition_wins_over_one_that_still_waits_for_its_endpoint(api: Api, endpoint: Endpoint):
    endpoint.held.clear()
    first = await api.put("hook", to_webhook(endpoint.url))
    await api.put("hook", to_topic("later"))
    endpoint.held.set()
    assert (await api.settled(first))["status"] == "Canceled"
    assert (await api.get("hook")).json()["properties"]["destination"]["endpointType"] == "EventHub"


async def test_one_that_is_deleted_while_its_endpoint_is_asked_stays_deleted(api: Api, endpoint: Endpoint):
    endpoint.held.clear()
    first = await api.put("hook", to_webhook(endpoint.url))
    await api.call("DELETE", subscription_path("hook"))
    endpoint.held.set()
    assert (await api.settled(first))["status"] == "Canceled"
    assert (await api.get("hook")).status_code == 404


@pytest.mark.parametrize(
    "url", ["http://example.com/", "https://10.0.0.1/x", "https://user:secret@example.com/", "no url", "", None]
)
async def test_an_endpoint_that_webhooks_may_not_go_to_is_refused_at_once(url: str | None):
    async with running(Api(Settings())) as api:
        answer = await api.put("hook", to_webhook(url))
        assert (answer.status_code, error_of(answer)["code"]) == (400, "InvalidRequest")
        assert error_of(answer)["message"].startswith("Invalid event subscription request: Supplied URL is invalid.")
        assert "secret" not in answer.text
        assert (await api.get("hook")).status_code == 404


async def test_a_restart_takes_up_what_was_under_way(endpoint: Endpoint):
    api = Api(Settings(webhook_allowed_networks="127.0.0.0/8", webhook_allow_http=True))
    endpoint.held.clear()
    async with running(api):
        created = await api.put("new", to_webhook(endpoint.url))
        await api.put("old", to_topic("old"))
        updated = await api.put("old", to_webhook(endpoint.url))
    endpoint.held.set()
    async with running(api):
        assert (await api.settled(created))["status"] == "Succeeded"
        assert (await api.get("new")).json()["properties"]["provisioningState"] == LIVE
        interrupted = await api.settled(updated)
        assert interrupted["status"] == "Failed"
        assert "interrupted by a restart" in interrupted["error"]["message"]
        assert (await api.get("old")).json()["properties"]["destination"]["endpointType"] == "EventHub"


async def test_an_answer_of_the_endpoint_waits_for_kafka_to_come_back(
    api: Api, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(provisioning, "KAFKA_PAUSE_SECONDS", 0.01)
    endpoint.held.clear()
    answer = await api.put("hook", to_webhook(endpoint.url))
    api.producer.broken = True
    with capture_logs() as lines:
        endpoint.held.set()
        await until(lambda: any(line["event"] == "subscription.not_written" for line in lines))
    assert (await api.get("hook")).json()["properties"]["provisioningState"] == "Creating"
    api.producer.broken = False
    assert (await api.settled(answer))["status"] == "Succeeded"


# ---- lists


async def test_lists_hold_what_belongs_to_the_source_or_the_group(api: Api):
    other = f"{RESOURCE_GROUP}/providers/Microsoft.MachineLearningServices/workspaces/vision"
    await api.call("PUT", other, {"location": "local"})
    await api.put("alerts", to_topic("alerts"))
    await api.call("PUT", subscription_path("sights", other), {"properties": to_topic("sights")})

    async def names(scope: str) -> list[str]:
        answer = await api.call("GET", f"{scope}/providers/Microsoft.EventGrid/eventSubscriptions")
        assert answer.json()["nextLink"] is None
        return [one["name"] for one in answer.json()["value"]]

    assert await names(WORKSPACE) == ["alerts"]
    assert await names(other) == ["sights"]
    assert await names(RESOURCE_GROUP) == ["alerts", "sights"]
    assert await names(RESOURCE_GROUP.partition("/resourceGroups")[0]) == ["alerts", "sights"]
    assert await names("/subscriptions/another") == []


async def test_pages_link_to_one_another_and_filters_choose_by_name(api: Api):
    for number in range(5):
        await api.put(f"alerts-{number}", to_topic("alerts"))
    seen, link = [], None
    while True:
        headers = {"authorization": "Bearer the-token-of-the-administrator"}
        answer = await (
            api.client.get(link, headers=headers) if link else api.call("GET", subscription_path(""), **{"$top": "2"})
        )
        seen.append([one["name"] for one in answer.json()["value"]])
        link = answer.json()["nextLink"]
        if link is None:
            break
    assert seen == [["alerts-0", "alerts-1"], ["alerts-2", "alerts-3"], ["alerts-4"]]
    chosen = await api.call("GET", subscription_path(""), **{"$filter": "Contains(name, 'S-3')"})
    assert [one["name"] for one in chosen.json()["value"]] == ["alerts-3"]


# ---- refusals


async def test_a_source_that_does_not_exist_is_not_found_by_name(api: Api):
    missing = f"{RESOURCE_GROUP}/providers/Microsoft.MachineLearningServices/workspaces/missing"
    answer = await api.call("PUT", subscription_path("alerts", missing), {"properties": to_topic("alerts")})
    assert (answer.status_code, error_of(answer)["code"]) == (404, "ResourceNotFound")
    assert missing in error_of(answer)["message"]
    assert "not found" in error_of(answer)["message"]


@pytest.mark.parametrize(("token", "words"), [(None, "is missing"), ("wrong", "not one of this server's")])
@pytest.mark.parametrize("path", [subscription_path("alerts"), WORKSPACE + "/listKeys", "/subscriptions/x/anything"])
async def test_nobody_manages_without_the_right_token(api: Api, path: str, token: str | None, words: str):
    answer = await api.call("GET", path, token=token)
    assert (answer.status_code, error_of(answer)["code"]) == (401, "AuthenticationFailed")
    assert words in error_of(answer)["message"]


@pytest.mark.parametrize("version", ["2021-10-15-preview", "2022-06-15", "2025-02-15"])
async def test_three_api_versions_are_understood(api: Api, version: str):
    assert (await api.put("alerts", to_topic("alerts"), version=version)).status_code == 201


@pytest.mark.parametrize(
    ("version", "code"), [(None, "MissingApiVersionParameter"), ("2015-01-01", "InvalidApiVersionParameter")]
)
async def test_other_api_versions_are_refused_with_the_list_of_those_that_are(api: Api, version: str | None, code: str):
    answer = await api.put("alerts", to_topic("alerts"), version=version)
    assert (answer.status_code, error_of(answer)["code"]) == (400, code)
    if version:
        assert "2022-06-15" in error_of(answer)["message"]


async def test_other_methods_are_refused_with_those_that_are_allowed(api: Api):
    answer = await api.call("POST", subscription_path("alerts"))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PUT, PATCH, DELETE")
    assert error_of(answer)["code"] == "MethodNotAllowed"


@pytest.mark.parametrize("path", ["/subscriptions/x/y", "/providers/Microsoft.Storage/x", WORKSPACE + "/frobnicate"])
async def test_a_path_that_names_nothing_is_not_found(api: Api, path: str):
    answer = await api.call("GET", path)
    assert (answer.status_code, error_of(answer)["code"]) == (404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "has no body"),
        (b"{nope", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[1]", "must be a JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"properties": {"labels": ["\\ud800"]}}', "properties.labels[0]"),
        (b'{"properties": {"x": NaN}}', "properties.x: NaN"),
        (b'{"properties": []}', "properties: []"),
        (b"{}", "properties: null"),
        (b'{"properties": {}}', "properties.destination: null"),
    ],
)
async def test_a_body_that_is_no_definition_is_refused_with_words(api: Api, body: bytes, words: str):
    answer = await api.call("PUT", subscription_path("alerts"), body)
    assert answer.status_code == 400
    assert words in error_of(answer)["message"]


async def test_a_body_that_is_too_large_is_refused(api: Api):
    answer = await api.call("PUT", subscription_path("alerts"), b" " * (1024 * 1024 + 1))
    assert (answer.status_code, error_of(answer)["code"]) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize("name", ["ab", "a" * 65, "under_score", "dot.dot", "ümlaut"])
async def test_a_wrong_name_is_refused_with_the_figures(api: Api, name: str):
    answer = await api.put(name, to_topic("alerts"))
    assert answer.status_code == 400
    assert "3 to 64" in error_of(answer)["message"]


async def test_kafka_being_away_is_said_and_stores_nothing(api: Api):
    api.producer.broken = True
    answer = await api.put("alerts", to_topic("alerts"))
    assert (answer.status_code, error_of(answer)["code"]) == (503, "ServiceUnavailable")
    assert answer.headers["retry-after"] == "5"
    assert (await api.get("alerts")).status_code == 404


async def test_an_unexpected_error_is_told_by_a_request_id_and_no_traceback(api: Api, monkeypatch: pytest.MonkeyPatch):
    async def broken(_name: str) -> None:
        raise ZeroDivisionError("inner secret")

    monkeypatch.setattr(api.topics, "ensure", broken)
    answer = await api.put("alerts", to_topic("alerts"))
    assert (answer.status_code, error_of(answer)["code"]) == (500, "InternalServerError")
    assert answer.headers["x-ms-request-id"] in error_of(answer)["message"]
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
