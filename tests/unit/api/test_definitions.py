"""Event subscriptions as JSON: definitions read from bodies, answers made of what is stored."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet

from router.api.bodies import Definition, DefinitionReader, subscription_json
from router.api.destinations import destination_json
from router.api.json_bodies import Members
from router.api.warnings import MOST_CHARACTERS, warnings_about, warnings_header
from router.errors import RefusedError
from router.secrets import SecretBox
from tests.builders import NOON, RESOURCE_GROUP, WORKSPACE, a_subscription
from topics import Source, Subscription, TopicSink, WebhookSink
from topics.events import MACHINE_LEARNING
from topics.subscriptions import Filter

BOX = SecretBox(Fernet.generate_key().decode())
HUB = f"{RESOURCE_GROUP}/providers/microsoft.eventhub/Namespaces/any/EventHubs/"
URL = "https://example.com/hook?code=s3cret#part"


def a_source(**fields: Any) -> Source:
    given = {
        "id": WORKSPACE,
        "name": "local",
        "kind": "workspace",
        "sealed_key1": "",
        "sealed_key2": "",
        "created_at": NOON,
    }
    return Source(**(given | fields))


def a_reader(stored: Subscription | None = None, **source: Any) -> DefinitionReader:
    return DefinitionReader(BOX, a_source(**source), stored, NOON)


def hub(name: str = "alerts") -> dict[str, Any]:
    return {"endpointType": "eventhub", "properties": {"resourceId": HUB + name}}


def webhook(**properties: Any) -> dict[str, Any]:
    return {"endpointType": "webhook", "properties": {"endpointUrl": URL} | properties}


def whole(stored: Subscription | None = None, **properties: Any) -> Definition:
    return a_reader(stored).whole(Members({"properties": {"destination": hub()} | properties}))


def a_stored_webhook(**properties: Any) -> Subscription:
    definition = whole(destination=webhook(**properties))
    return definition.of(a_source(), "hook", None, "Succeeded", NOON)


def refusal_of(**properties: Any) -> RefusedError:
    with pytest.raises(RefusedError) as refusal:
        whole(**properties)
    assert refusal.value.target is not None
    return refusal.value


def test_what_is_not_given_has_azures_defaults():
    definition = whole()
    assert (definition.delivery_schema, definition.expiration, definition.labels) == (None, None, ())
    policy = definition.retry_policy
    assert (policy.max_delivery_attempts, policy.event_time_to_live_minutes) == (30, 1440)
    sink = whole(destination=webhook()).destination.sink
    assert isinstance(sink, WebhookSink)
    assert (sink.max_events_per_batch, sink.preferred_batch_size_kilobytes) == (1, 64)


def test_an_event_hub_is_a_topic_that_keeps_the_case_of_its_name():
    assert whole(destination=hub("EH1")).destination.sink == TopicSink(name="EH1")


def test_a_webhook_keeps_its_url_sealed_and_shows_it_without_query():
    destination = whole(destination=webhook()).destination
    assert isinstance(destination.sink, WebhookSink)
    assert destination.new_endpoint_url == URL
    assert destination.sink.endpoint_base_url == "https://example.com/hook"
    assert BOX.open(destination.sink.sealed_endpoint_url) == URL


def test_the_stored_url_sent_again_is_no_new_endpoint():
    assert whole(a_stored_webhook(), destination=webhook()).destination.new_endpoint_url is None


def test_a_url_sealed_with_a_lost_key_is_replaced_by_the_one_that_is_sent():
    stored = a_stored_webhook()
    lost = DefinitionReader(SecretBox(Fernet.generate_key().decode()), a_source(), stored, NOON)
    assert lost.whole(Members({"properties": {"destination": webhook()}})).destination.new_endpoint_url == URL


@pytest.mark.parametrize(
    ("properties", "target", "words"),
    [
        ({"destination": None}, "destination", "null"),
        ({"destination": {"endpointType": "StorageQueue", "properties": {}}}, "destination.endpointType", "WebHook or EventHub"),
        ({"destination": {"endpointType": "EventHub", "properties": {}}}, "destination.properties.resourceId", "null"),
        ({"destination": hub("a/b")}, "destination.properties.resourceId", "id of an event hub"),
        ({"destination": hub("../../etc")}, "destination.properties.resourceId", "id of an event hub"),
        ({"destination": hub("no blank")}, "destination.properties.resourceId", "1 to 238 of the characters"),
        ({"destination": webhook(endpointUrl=None)}, "destination.properties.endpointUrl", "Supplied URL is invalid"),
        ({"destination": webhook(maxEventsPerBatch=0)}, "destination.properties.maxEventsPerBatch", "0 is not allowed; it must be a whole number from 1 to 5000"),
        ({"destination": webhook(preferredBatchSizeInKilobytes=1025)}, "destination.properties.preferredBatchSizeInKilobytes", "1 to 1024"),
        ({"destination": webhook(azureActiveDirectoryTenantId="t")}, "destination.properties.azureActiveDirectoryTenantId", "no Microsoft Entra here"),
        ({"retryPolicy": {"maxDeliveryAttempts": 31}}, "retryPolicy.maxDeliveryAttempts", "31 is not allowed; it must be a whole number from 1 to 30"),
        ({"retryPolicy": {"eventTimeToLiveInMinutes": 0}}, "retryPolicy.eventTimeToLiveInMinutes", "1 to 1440"),
        ({"eventDeliverySchema": "CustomInputSchema"}, "eventDeliverySchema", "takes no events of a custom schema"),
        ({"expirationTimeUtc": "soon"}, "expirationTimeUtc", "ISO 8601"),
        ({"expirationTimeUtc": "0001-01-01T00:00:00+14:00"}, "expirationTimeUtc", "ISO 8601"),
        ({"expirationTimeUtc": "2025-10-20T12:00:00Z"}, "expirationTimeUtc", "Invalid expiration time."),
        ({"labels": "l"}, "labels", "an array"),
        ({"deadLetterDestination": {"endpointType": "Queue"}}, "deadLetterDestination.endpointType", "StorageBlob"),
        ({"deadLetterDestination": {"endpointType": "StorageBlob", "properties": {"resourceId": "r", "blobContainerName": "../up"}}}, "deadLetterDestination.properties.blobContainerName", '"../up" is not allowed; it must be 1 to 63 of the characters'),
        ({"deadLetterDestination": {"endpointType": "StorageBlob", "properties": {"resourceId": "r"}}}, "deadLetterDestination.properties.blobContainerName", "not empty"),
        ({"deliveryWithResourceIdentity": {}}, "deliveryWithResourceIdentity", "managed identities"),
    ],
)  # fmt: skip
def test_a_wrong_member_is_refused_by_name_value_and_rule(properties: dict[str, Any], target: str, words: str):
    refusal = refusal_of(**properties)
    assert refusal.target == f"properties.{target}"
    assert words in refusal.message


@pytest.mark.parametrize(
    ("mapping", "words"),
    [
        ({"name": "aeg-x", "type": "Static", "properties": {"value": "v"}}, "does not begin with aeg-"),
        ({"name": "bad name", "type": "Static", "properties": {"value": "v"}}, "name of an HTTP header"),
        ({"name": "Host", "type": "Static", "properties": {"value": "v"}}, "which the request itself sets"),
        ({"name": "x", "type": "Odd", "properties": {}}, "one of Static, Dynamic"),
        ({"name": "x", "type": "Static", "properties": {}}, "must be a string"),
        ({"name": "x", "type": "Static", "properties": {"value": "s3cret\r\n"}}, "control characters"),
        ({"name": "x", "type": "Static", "properties": {"value": "s3cret" * 1000}}, "at most 4096 bytes"),
        ({"name": "x", "type": "Dynamic", "properties": {}}, "sourceField"),
    ],
)
def test_a_wrong_delivery_attribute_is_refused_without_its_value(mapping: Any, words: str):
    refusal = refusal_of(destination=webhook(deliveryAttributeMappings=[mapping]))
    assert words in refusal.message
    assert "s3cret" not in refusal.message


def test_ten_delivery_attributes_are_enough_and_no_name_comes_twice():
    mapping = {"type": "Static", "properties": {"value": "v"}}
    many = [mapping | {"name": f"x-{number}"} for number in range(11)]
    assert "11 headers are too many" in refusal_of(destination=webhook(deliveryAttributeMappings=many)).message
    twice = [mapping | {"name": "x"}, mapping | {"name": "X"}]
    assert "given twice" in refusal_of(destination=webhook(deliveryAttributeMappings=twice)).message


def test_a_topic_takes_no_delivery_attributes():
    destination = hub()
    destination["properties"]["deliveryAttributeMappings"] = [{"name": "x"}]
    assert "takes none" in refusal_of(destination=destination).message


def test_names_of_choices_are_read_in_any_case():
    assert whole(eventDeliverySchema="cloudeventschemav1_0").delivery_schema == "CloudEventSchemaV1_0"


def test_a_topic_of_cloud_events_refuses_event_grid_delivery():
    source = {"kind": "custom-topic", "input_schema": "CloudEventSchemaV1_0"}
    body = Members({"properties": {"destination": hub(), "eventDeliverySchema": "EventGridSchema"}})
    with pytest.raises(RefusedError, match="takes CloudEvents"):
        a_reader(**source).whole(body)


@pytest.mark.parametrize(
    "text", ["2030-01-01T00:00:00Z", "2030-01-01", "2030-01-01T00:00:00.0000000+00:00", "2030-01-01T02:00:00+02:00"]
)
def test_moments_are_read_as_people_write_them(text: str):
    assert whole(expirationTimeUtc=text).expiration == datetime(2030, 1, 1, tzinfo=UTC)


def test_a_patch_replaces_what_it_gives_and_null_means_the_default():
    stored = a_subscription(labels=("a",), expiration=NOON + timedelta(days=1), filter=Filter(subject_begins_with="x"))
    unchanged = a_reader(stored).change(Members({}), stored)
    assert (unchanged.labels, unchanged.expiration, unchanged.filter) == (
        stored.labels,
        stored.expiration,
        stored.filter,
    )
    changed = a_reader(stored).change(Members({"labels": None, "expirationTimeUtc": None, "filter": None}), stored)
    assert (changed.labels, changed.expiration, changed.filter.subject_begins_with) == ((), None, "")


def test_a_patch_keeps_members_of_a_webhook_that_it_does_not_give():
    mapping = {"name": "x", "type": "Static", "properties": {"value": "v", "isSecret": False}}
    stored = a_stored_webhook(maxEventsPerBatch=7, deliveryAttributeMappings=[mapping])
    change = {"destination": {"endpointType": "WebHook", "properties": {"endpointUrl": "https://example.com/new"}}}
    destination = a_reader(stored).change(Members(change), stored).destination
    assert isinstance(destination.sink, WebhookSink)
    assert (destination.new_endpoint_url, destination.sink.max_events_per_batch) == ("https://example.com/new", 7)
    assert [one.name for one in destination.sink.delivery_attributes] == ["x"]
    change["destination"]["properties"] = {"deliveryAttributeMappings": []}
    cleared = a_reader(stored).change(Members(change), stored).destination.sink
    assert isinstance(cleared, WebhookSink)
    assert cleared.delivery_attributes == ()


@pytest.mark.parametrize(
    ("given", "batch"),
    [
        ({}, (1, 64)),
        ({"maxEventsPerBatch": 10}, (10, 64)),
        ({"preferredBatchSizeInKilobytes": 128}, (5000, 128)),
        ({"maxEventsPerBatch": 1, "preferredBatchSizeInKilobytes": 128}, (1, 128)),
        ({"maxEventsPerBatch": None, "preferredBatchSizeInKilobytes": 64}, (5000, 64)),
    ],
)
def test_either_number_or_size_turns_batching_on(given, batch):
    sink = whole(destination=webhook(**given)).destination.sink
    assert isinstance(sink, WebhookSink)
    assert (sink.max_events_per_batch, sink.preferred_batch_size_kilobytes) == batch


@pytest.mark.parametrize(("before", "batch"), [({"maxEventsPerBatch": 7}, (7, 128)), ({}, (5000, 128))])
def test_a_patch_of_the_size_turns_batching_on_and_keeps_a_number(before, batch):
    stored = a_stored_webhook(**before)
    change = {"destination": {"endpointType": "WebHook", "properties": {"preferredBatchSizeInKilobytes": 128}}}
    sink = a_reader(stored).change(Members(change), stored).destination.sink
    assert isinstance(sink, WebhookSink)
    assert (sink.max_events_per_batch, sink.preferred_batch_size_kilobytes) == batch


@pytest.mark.parametrize(("stored", "batch"), [("topic", (1, 64)), ("webhook", (7, 128))])
def test_a_change_that_gives_0_for_a_batch_gives_nothing(stored, batch):
    """So `az … update --endpoint-type webhook` sends what an event hub does not have."""
    zeros = {"maxEventsPerBatch": 0, "preferredBatchSizeInKilobytes": 0}
    before = a_subscription() if stored == "topic" else a_stored_webhook(**dict(zip(zeros, batch, strict=True)))
    change = {"destination": webhook(**zeros)}
    sink = a_reader(before).change(Members(change), before).destination.sink
    assert isinstance(sink, WebhookSink)
    assert (sink.max_events_per_batch, sink.preferred_batch_size_kilobytes) == batch


def test_a_least_version_of_tls_is_kept_and_shown():
    stored = a_stored_webhook(minimumTlsVersionAllowed="1.2")
    assert destination_json(stored.sink)["properties"]["minimumTlsVersionAllowed"] == "1.2"
    change = {"destination": {"endpointType": "WebHook", "properties": {"maxEventsPerBatch": 2}}}
    patched = a_reader(stored).change(Members(change), stored).destination.sink
    assert destination_json(patched)["properties"]["minimumTlsVersionAllowed"] == "1.2"
    assert "minimumTlsVersionAllowed" not in destination_json(a_stored_webhook().sink)["properties"]


def test_what_a_topic_of_cloud_events_sends_is_known_to_be_cloud_events():
    reader = a_reader(kind="custom-topic", input_schema="CloudEventSchemaV1_0")
    assert reader.whole(Members({"properties": {"destination": hub()}})).delivery_schema == "CloudEventSchemaV1_0"


def test_the_custom_schema_is_for_sources_that_take_it():
    body = {"properties": {"destination": hub(), "eventDeliverySchema": "custominputschema"}}
    reader = a_reader(kind="custom-topic", input_schema="CustomEventSchema")
    assert reader.whole(Members(body)).delivery_schema == "CustomInputSchema"


def test_a_topic_of_a_custom_schema_delivers_it_unless_another_is_asked_for():
    reader = a_reader(kind="custom-topic", input_schema="CustomEventSchema")
    assert reader.whole(Members({"properties": {"destination": hub()}})).delivery_schema == "CustomInputSchema"
    for schema in ("EventGridSchema", "CloudEventSchemaV1_0"):
        body = {"properties": {"destination": hub(), "eventDeliverySchema": schema}}
        assert reader.whole(Members(body)).delivery_schema == schema


def test_a_patch_leaves_a_subscription_that_was_made_before_with_the_envelope():
    stored = a_subscription(delivery_schema=None)
    reader = a_reader(stored, kind="custom-topic", input_schema="CustomEventSchema")
    assert reader.change(Members({"labels": ["a"]}), stored).delivery_schema is None


def test_a_patch_that_is_wrapped_is_refused_with_words():
    stored = a_subscription()
    with pytest.raises(RefusedError, match="a PATCH is not wrapped"):
        a_reader(stored).change(Members({"properties": {"labels": []}}), stored)


def test_hidden_is_a_value_like_any_other_where_no_secret_is_stored():
    mapping = {"name": "x", "type": "Static", "properties": {"value": "Hidden", "isSecret": True}}
    sink = whole(destination=webhook(deliveryAttributeMappings=[mapping])).destination.sink
    assert isinstance(sink, WebhookSink)
    assert BOX.open(sink.delivery_attributes[0].sealed_value or "") == "Hidden"


def test_a_stored_subscription_survives_its_record_whatever_is_in_it():
    subscription = whole(
        labels=["ü", "\u2028"],
        filter={"subjectBeginsWith": "\x00"},
        deadLetterDestination={
            "endpointType": "storageblob",
            "properties": {"resourceId": "r", "blobContainerName": "c"},
        },
    ).of(a_source(), "odd", None, "Succeeded", NOON)
    again = Subscription.model_validate_json(subscription.encode())
    assert again == subscription
    assert json.dumps(subscription_json(again, of_workspace=True)["properties"]["deadLetterDestination"]) == (
        '{"endpointType": "StorageBlob", "properties": {"resourceId": "r", "blobContainerName": "c"}}'
    )


def test_warnings_name_the_nearest_type_in_ascii():
    wanted = Filter(included_event_types=(MACHINE_LEARNING.upper() + "RUNCOMPLETED", "Möwe"))
    (warning,) = warnings_about(wanted)
    assert "nearest event type is Microsoft.MachineLearningServices." in warning
    assert all(text.isascii() for text in warnings_header([warning]).values())
    assert warnings_header([]) == {}
    assert warnings_about(Filter()) == []


@pytest.mark.parametrize("name", ["x" * 5_000, "ü" * 300, "\U0001f600" * 300])
def test_warnings_are_no_longer_than_a_header_may_be_for_common_clients(name: str):
    """A client that finds the header too long has no answer, though the subscription was made."""
    unknown = warnings_about(Filter(included_event_types=tuple(f"{at}{name}" for at in range(20))))
    contradiction = f"filter: no event can ever match: {name} and {name}."
    for warnings in (unknown, [contradiction] * 10, [contradiction, *unknown]):
        (text,) = warnings_header(warnings).values()
        told = json.loads(text)
        assert len(text) <= MOST_CHARACTERS
        assert told
        assert told[0][:60] == warnings[0][:60]
    assert all("nearest event type is" in one for one in json.loads(warnings_header(unknown)["x-router-warnings"]))
