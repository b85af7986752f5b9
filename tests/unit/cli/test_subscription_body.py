"""The flags of event-subscription create and update become the body that ARM takes."""

import json

import pytest

from router.cli.subscription_body import changes_of, properties_of
from router.cli.subscription_flags import DeliverySchema, EndpointType, SubscriptionFlags
from router.errors import RefusedError

HOOK = "http://127.0.0.1:9000/hook"
LOCAL_HUBS = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
    "/providers/Microsoft.EventHub/namespaces/local/eventhubs/"
)


def flags(**given):
    return SubscriptionFlags(**given)


def packed(*words):
    return json.dumps(words)


def test_an_endpoint_alone_is_a_webhook_that_wants_everything():
    assert properties_of(flags(endpoint=HOOK)) == {
        "destination": {"endpointType": "WebHook", "properties": {"endpointUrl": HOOK}}
    }


def test_the_documented_command_has_type_and_subject_in_its_filter():
    properties = properties_of(
        flags(
            endpoint=HOOK,
            included_event_types=["Microsoft.MachineLearningServices.ModelRegistered"],
            subject_begins_with="models/mymodelname",
        )
    )
    assert properties["filter"] == {
        "includedEventTypes": ["Microsoft.MachineLearningServices.ModelRegistered"],
        "subjectBeginsWith": "models/mymodelname",
    }


def test_a_topic_is_an_event_hub_of_the_local_namespace():
    properties = properties_of(flags(endpoint="alerts.v1", endpoint_type=EndpointType.topic))
    assert properties["destination"] == {
        "endpointType": "EventHub",
        "properties": {"resourceId": LOCAL_HUBS + "alerts.v1"},
    }


EVERY_FLAG = SubscriptionFlags(
    endpoint=HOOK + "?code=1",
    subject_ends_with="",
    subject_case_sensitive="TRUE",
    enable_advanced_filtering_on_arrays="false",
    advanced_filter=[packed("data.x", "IsNotNull"), packed("data.n", "NumberIn", "-5")],
    event_delivery_schema=DeliverySchema.cloudeventschemav1_0,
    max_delivery_attempts=5,
    event_ttl=60,
    expiration_date="2030-01-01",
    labels=["a", "b"],
    delivery_attribute_mapping=[packed("x-run", "dynamic", "data.runId")],
    max_events_per_batch=10,
    preferred_batch_size_in_kilobytes=128,
    deadletter_endpoint="/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"
    "/blobServices/default/containers/dead",
)
EVERY_PLACE = {
    "destination": {
        "endpointType": "WebHook",
        "properties": {
            "endpointUrl": HOOK + "?code=1",
            "maxEventsPerBatch": 10,
            "preferredBatchSizeInKilobytes": 128,
            "deliveryAttributeMappings": [
                {"name": "x-run", "type": "Dynamic", "properties": {"sourceField": "data.runId"}}
            ],
        },
    },
    "filter": {
        "subjectEndsWith": "",
        "isSubjectCaseSensitive": True,
        "enableAdvancedFilteringOnArrays": False,
        "advancedFilters": [
            {"operatorType": "IsNotNull", "key": "data.x"},
            {"operatorType": "NumberIn", "key": "data.n", "values": [-5]},
        ],
    },
    "eventDeliverySchema": "CloudEventSchemaV1_0",
    "retryPolicy": {"maxDeliveryAttempts": 5, "eventTimeToLiveInMinutes": 60},
    "expirationTimeUtc": "2030-01-01T00:00:00Z",
    "labels": ["a", "b"],
    "deadLetterDestination": {
        "endpointType": "StorageBlob",
        "properties": {
            "resourceId": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a",
            "blobContainerName": "dead",
        },
    },
}


def test_every_flag_has_its_place():
    assert properties_of(EVERY_FLAG) == EVERY_PLACE


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2030-01-01", "2030-01-01T00:00:00Z"),
        ("2030-01-01T12:30", "2030-01-01T12:30:00Z"),
        ("2030-01-01T12:30:00Z", "2030-01-01T12:30:00Z"),
        ("2030-01-01T12:30:00+02:00", "2030-01-01T10:30:00Z"),
    ],
)
def test_an_expiration_date_is_utc_unless_it_says_otherwise(text, moment):
    assert properties_of(flags(endpoint=HOOK, expiration_date=text))["expirationTimeUtc"] == moment


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({}, "--endpoint is missing"),
        ({"endpoint_type": EndpointType.topic}, "--endpoint is missing"),
        ({"endpoint": "not a url"}, "not a URL"),
        ({"endpoint": "ftp://host/x"}, "not a URL"),
        ({"endpoint": "http://"}, "not a URL"),
        ({"endpoint": "http://[::1"}, "not a URL"),
        ({"endpoint": "http://h:99999/"}, "not a URL"),
        ({"endpoint": "http://h/a b"}, "not a URL"),
        ({"endpoint": "../../etc", "endpoint_type": EndpointType.topic}, "cannot name a topic"),
        ({"endpoint": "a" * 300, "endpoint_type": EndpointType.topic}, "cannot name a topic"),
        ({"endpoint": "alerts", "endpoint_type": EndpointType.eventhub}, "no event hub's resource id"),
        ({"endpoint": "a", "endpoint_type": EndpointType.topic, "max_events_per_batch": 5}, "for webhooks only"),
        ({"endpoint": HOOK, "subject_case_sensitive": "yes"}, "--subject-case-sensitive"),
        ({"endpoint": HOOK, "enable_advanced_filtering_on_arrays": ""}, "--enable-advanced-filtering-on-arrays"),
        ({"endpoint": HOOK, "expiration_date": "tomorrow"}, "--expiration-date"),
        ({"endpoint": HOOK, "deadletter_endpoint": "/subscriptions/x"}, "--deadletter-endpoint"),
    ],
)
def test_a_wrong_flag_is_named(given, complaint):
    with pytest.raises(RefusedError, match=complaint):
        properties_of(flags(**given))


EXISTING = {
    "destination": {
        "endpointType": "WebHook",
        "properties": {
            "endpointUrl": None,
            "endpointBaseUrl": HOOK,
            "maxEventsPerBatch": 1,
            "preferredBatchSizeInKilobytes": 64,
            "deliveryAttributeMappings": [
                {"name": "x-key", "type": "Static", "properties": {"value": "Hidden", "isSecret": True}}
            ],
        },
    },
    "filter": {"includedEventTypes": ["A"], "subjectBeginsWith": "models/"},
    "retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 1440},
}


def test_an_update_sends_only_what_changes():
    assert changes_of(flags(labels=["a"]), EXISTING) == {"labels": ["a"]}


def test_an_update_keeps_the_other_parts_of_the_filter_and_the_retry_policy():
    changes = changes_of(flags(subject_begins_with="runs/", event_ttl=5), EXISTING)
    assert changes == {
        "filter": {"includedEventTypes": ["A"], "subjectBeginsWith": "runs/"},
        "retryPolicy": {"maxDeliveryAttempts": 30, "eventTimeToLiveInMinutes": 5},
    }


def test_an_update_of_the_batch_size_leaves_the_hidden_url_to_the_service():
    changes = changes_of(flags(max_events_per_batch=10), EXISTING)
    properties = changes["destination"]["properties"]
    assert properties["maxEventsPerBatch"] == 10
    assert properties["preferredBatchSizeInKilobytes"] == 64
    assert "endpointUrl" not in properties
    assert "endpointBaseUrl" not in properties


def test_a_batch_size_alone_does_not_say_that_batches_are_of_one():
    changes = changes_of(flags(preferred_batch_size_in_kilobytes=128), EXISTING)
    properties = changes["destination"]["properties"]
    assert properties["preferredBatchSizeInKilobytes"] == 128
    assert "maxEventsPerBatch" not in properties


def test_a_new_endpoint_keeps_the_delivery_attributes():
    changes = changes_of(flags(endpoint="https://h/new"), EXISTING)
    assert changes["destination"]["properties"] == {
        "endpointUrl": "https://h/new",
        "deliveryAttributeMappings": EXISTING["destination"]["properties"]["deliveryAttributeMappings"],
    }


def test_batching_cannot_be_given_to_a_topic():
    existing = {"destination": {"endpointType": "EventHub", "properties": {"resourceId": LOCAL_HUBS + "a"}}}
    with pytest.raises(RefusedError, match="for webhooks only"):
        changes_of(flags(max_events_per_batch=10), existing)


def test_an_update_of_nothing_is_refused():
    with pytest.raises(RefusedError, match="nothing to change"):
        changes_of(flags(), EXISTING)
