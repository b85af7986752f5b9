"""Subscriptions in files: our own form, what az prints, ARM templates; and what they change."""

import pytest

from router.client.declared import declared_in
from router.client.differences import change_to, deletions
from router.errors import RefusedError

SOURCE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
    "/providers/Microsoft.MachineLearningServices/workspaces/local"
)
ID = f"{SOURCE}/providers/Microsoft.EventGrid/eventSubscriptions/models"
HUB = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventHub/namespaces/n/eventhubs/models"
TO_HUB = {"endpointType": "EventHub", "properties": {"resourceId": HUB}}
TYPES = frozenset({"a", "b"})


def hook(url, **more):
    return {"endpointType": "WebHook", "properties": {"endpointUrl": url, **more}}


@pytest.mark.parametrize(
    "document",
    [
        {"eventSubscriptions": [{"name": "models", "topic": "models", "labels": ["a"]}]},
        {"source": "local", "eventSubscriptions": [{"name": "models", "destination": TO_HUB, "labels": ["a"]}]},
        [{"name": "models", "source": SOURCE, "topic": "models", "labels": ["a"]}],
        {"id": ID, "name": "models", "properties": {"destination": TO_HUB, "labels": ["a"], "topic": "/x"}},
        {
            "id": ID,
            "destination": {"endpointType": "EventHub", "resourceId": HUB, "deliveryAttributeMappings": None},
            "labels": ["a"],
            "provisioningState": "Succeeded",
        },
        {
            "parameters": {"source": {"type": "string", "defaultValue": SOURCE}},
            "resources": [
                {"type": "Microsoft.Storage/storageAccounts", "name": "[uniqueString('x')]"},
                {
                    "type": "Microsoft.EventGrid/eventSubscriptions",
                    "scope": "[parameters('source')]",
                    "name": "models",
                    "properties": {"destination": TO_HUB, "labels": ["a"]},
                },
            ],
        },
        {
            "resources": [
                {
                    "type": "Microsoft.MachineLearningServices/workspaces/providers/eventSubscriptions",
                    "name": "local/Microsoft.EventGrid/models",
                    "properties": {"destination": TO_HUB, "labels": ["a"]},
                }
            ]
        },
    ],
)
def test_every_form_declares_the_same(document):
    (one,) = declared_in([document, None])
    assert (one.source, one.name) == (SOURCE, "models")
    there = {"destination": TO_HUB, "labels": ["a"], "retryPolicy": {"maxDeliveryAttempts": 30}}
    assert change_to(one, there, TYPES) is None


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("text", "a subscription is an object"),
        ({"eventSubscriptions": [{"topic": "x"}]}, "needs a name"),
        ({"name": "x"}, "needs a destination"),
        ({"name": "x", "topic": "x", "filters": []}, "there is no filters"),
        ([{"name": "x", "topic": "x"}, {"name": "X", "topic": "y"}], "declared twice"),
        ({"id": "/x"}, "no id of an event subscription"),
        (
            {"resources": [{"type": "Microsoft.EventGrid/eventSubscriptions", "name": "[concat('a')]", "scope": "/x"}]},
            "not understood",
        ),
        ({"resources": [{"type": "Microsoft.EventGrid/eventSubscriptions", "name": "x"}]}, "needs a name and a scope"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(document, words):
    with pytest.raises(RefusedError, match=words):
        declared_in([document])


def wanted(**given):
    (one,) = declared_in([{"name": "models", **given}])
    return one


def test_a_difference_names_the_property_and_both_values():
    change = change_to(wanted(topic="models", labels=["b"]), {"destination": TO_HUB, "labels": ["a"]}, TYPES)
    assert change is not None
    assert change.lines == ('- labels: ["a"]', '+ labels: ["b"]')


def test_what_the_service_fills_in_is_no_difference():
    there = {"destination": TO_HUB, "filter": {"includedEventTypes": ["A", "b"], "subjectBeginsWith": ""}}
    assert change_to(wanted(topic="models"), there, TYPES) is None


def test_what_is_taken_out_of_the_file_is_a_difference():
    there = {"destination": TO_HUB, "filter": {"subjectBeginsWith": "models/"}}
    change = change_to(wanted(topic="models"), there, TYPES)
    assert change is not None
    assert change.lines == ('- filter.subjectBeginsWith: "models/"',)


def test_another_query_is_a_difference_and_not_shown():
    change = change_to(wanted(webhook="https://h/api?code=2"), {"destination": hook("https://h/api?code=1")}, TYPES)
    assert change is not None
    assert "code" not in "".join(change.lines)


def test_a_url_without_its_query_keeps_the_one_that_is_there():
    there = {"destination": hook("https://h/api?code=1"), "labels": ["a"]}
    change = change_to(wanted(webhook="https://h/api"), there, TYPES)
    assert change is not None
    assert change.properties["destination"]["properties"]["endpointUrl"] == "https://h/api?code=1"
    assert change_to(wanted(webhook="https://h/api", labels=["a"]), there, TYPES) is None


def test_a_batch_size_alone_is_no_difference_once_the_service_has_it():
    sized = {
        **hook("https://h/api"),
        "properties": {"endpointUrl": "https://h/api", "preferredBatchSizeInKilobytes": 9},
    }
    there = {**sized, "properties": {**sized["properties"], "maxEventsPerBatch": 5000}}
    assert change_to(wanted(destination=sized), {"destination": there}, TYPES) is None
    assert change_to(wanted(destination=sized), {"destination": hook("https://h/api")}, TYPES) is not None


def test_what_is_missing_is_created_and_what_is_not_declared_goes():
    one = wanted(topic="models")
    change = change_to(one, None, TYPES)
    assert change is not None
    assert change.kind == "create"
    assert [gone.name for gone in deletions(SOURCE.upper(), ["Models", "old"], [one])] == ["old"]


def test_a_condition_that_no_filter_has_is_refused_as_it_would_want_every_event():
    declared = {"name": "models", "topic": "models", "filter": {"subjectBeginWith": "models/"}}
    with pytest.raises(RefusedError, match="models: a filter has no subjectBeginWith"):
        declared_in([declared])
