"""Event subscriptions of webhooks: confirmed by their endpoints, with secrets that stay hidden."""

import pytest
from structlog.testing import capture_logs

from router.api import provisioning
from router.settings import Settings
from tests.api.running_api import LIVE, Api, Endpoint, error_of, running, subscription_path, to_topic, to_webhook, until


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
