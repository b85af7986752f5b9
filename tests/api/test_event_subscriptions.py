"""Event subscriptions over HTTP, as the SDKs and az use them: to topics, and in lists."""

import asyncio
import json

from tests.api.running_api import LIVE, TOKEN, Api, error_of, subscription_path, to_topic
from tests.api.running_site import VERSION, Site
from tests.builders import RESOURCE_GROUP, WORKSPACE
from topics import EVENT_TYPES
from topics.events import MACHINE_LEARNING

ALL_FIVE = [event_type.name for event_type in EVENT_TYPES]


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


async def test_an_integer_of_more_than_64_bits_is_kept_shown_and_listed(api: Api):
    large = [{"operatorType": "NumberIn", "key": "data.n", "values": [2**64, -(10**30)]}]
    answer = await api.put("alerts", to_topic("alerts") | {"filter": {"advancedFilters": large}, "labels": ["ü"]})
    assert (answer.status_code, answer.json()["properties"]["filter"]["advancedFilters"]) == (201, large)
    assert (await api.get("alerts")).json()["properties"]["labels"] == ["ü"]
    (listed,) = (await api.call("GET", subscription_path(""))).json()["value"]
    assert listed["properties"]["filter"]["advancedFilters"] == large


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


async def test_of_two_changes_at_once_the_second_one_learns_of_the_first(site: Site):
    path, headers = subscription_path("es1"), {"authorization": f"Bearer {TOKEN}"}
    etag = (await site.api.get("es1")).headers["etag"]

    async def change(if_match: str) -> int:
        answer = await site.client.patch(
            f"{path}?{VERSION}", json={"labels": ["a"]}, headers=headers | {"if-match": if_match}
        )
        return int(answer.status_code)

    assert [await change(etag), await change(etag), await change("*")] == [201, 412, 201]
    made = await site.api.put("es1", to_topic("es1"))
    assert made.headers["etag"] == (await site.api.get("es1")).headers["etag"] != etag
    gone = await site.client.delete(f"{path}?{VERSION}", headers=headers | {"if-match": etag})
    assert (gone.status_code, gone.json()["error"]["code"]) == (412, "PreconditionFailed")


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


async def test_subscriptions_to_a_whole_group_are_listed_by_the_topic_type_of_groups(api: Api):
    """So `az eventgrid event-subscription list --source-resource-id` asks for those of a group."""
    subscription = RESOURCE_GROUP.partition("/resourceGroups")[0]
    for scope, name in ((WORKSPACE, "alerts"), (RESOURCE_GROUP, "of-group"), (subscription, "of-subscription")):
        await api.call("PUT", subscription_path(name, scope), {"properties": to_topic(name)})

    async def names(scope: str, topic_type: str) -> list[str]:
        path = f"{scope}/providers/Microsoft.EventGrid/topicTypes/{topic_type}/eventSubscriptions"
        return [one["name"] for one in (await api.call("GET", path)).json()["value"]]

    assert await names(RESOURCE_GROUP, "Microsoft.Resources.ResourceGroups") == ["of-group"]
    assert await names(subscription, "microsoft.resources.resourcegroups") == ["of-group"]
    assert await names(subscription, "Microsoft.Resources.Subscriptions") == ["of-subscription"]
    assert await names(subscription, "Microsoft.MachineLearningServices.Workspaces") == ["alerts"]
    assert await names(subscription, "Microsoft.EventGrid.Topics") == []


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
