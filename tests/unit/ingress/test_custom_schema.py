"""Events of a custom input schema, as the mapping of their topic reads them (§2.4)."""

import json
import uuid

import pytest

from router.ingress.accept import accept
from router.ingress.refusals import Refusal
from router.kafka.memory import messages_of
from tests.builders import NOON, a_source

MAPPING = {
    "inputSchemaMappingType": "Json",
    "properties": {
        "id": {"sourceField": "myId"},
        "eventTime": {"sourceField": "when"},
        "eventType": {"sourceField": "kind", "defaultValue": "DefaultType"},
        "subject": {"sourceField": "about", "defaultValue": "DefaultSubject"},
        "dataVersion": {"defaultValue": "1.0"},
    },
}
GIVEN = {"myId": "1", "when": "2030-01-01T00:00:00Z", "kind": "Made", "about": "models/é"}


def publish(body, mapping=MAPPING, content_type="application/json"):
    source = a_source("orders", kind="custom-topic", input_schema="CustomEventSchema", input_schema_mapping=mapping)
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = accept(raw, content_type, source, NOON)
    return (answer if isinstance(answer, Refusal) else messages_of(answer)), source


def envelope(*bodies, mapping=MAPPING):
    messages, source = publish(list(bodies), mapping)
    assert not isinstance(messages, Refusal), messages.message
    stored = json.loads(messages[0].value)
    assert stored.pop("topic") == source.id
    assert stored.pop("metadataVersion") == "1"
    return stored


def test_the_mapping_yields_an_event_grid_event_whose_data_is_the_whole_original():
    assert envelope(GIVEN) == {
        "id": "1",
        "eventTime": "2030-01-01T00:00:00Z",
        "eventType": "Made",
        "subject": "models/é",
        "dataVersion": "1.0",
        "data": GIVEN,
    }


def test_the_bytes_of_the_original_survive():
    raw = b'{ "myId":"1","when":"2030-01-01T00:00:00Z", "n": 1.50e3, "a":"\\u00e9" }'
    (message,), _ = publish(b"[" + raw + b"]")
    assert b'"data":' + raw + b"," in message.value


def test_defaults_stand_in_for_what_is_missing_or_null():
    stored = envelope(GIVEN | {"kind": None, "about": None})
    assert (stored["eventType"], stored["subject"]) == ("DefaultType", "DefaultSubject")


def test_id_and_time_are_made_when_nothing_maps_them():
    stored = envelope({"kind": "Made"}, mapping={"properties": {"eventType": {"sourceField": "kind"}}})
    assert uuid.UUID(stored["id"])
    assert (stored["eventTime"], stored["subject"], stored["dataVersion"]) == ("2025-10-20T12:00:00Z", "", "")


def test_numbers_and_truth_values_are_written_as_in_json():
    stored = envelope(GIVEN | {"myId": 17, "about": True})
    assert (stored["id"], stored["subject"]) == ("17", "true")


def test_fields_are_found_in_any_case_and_inside_objects():
    stored = envelope(
        {"a": {"b": "deep"}, "KIND": "Made"},
        mapping={"properties": {"eventType": {"sourceField": "kind"}, "subject": {"sourceField": "a.b"}}},
    )
    assert (stored["eventType"], stored["subject"]) == ("Made", "deep")


@pytest.mark.parametrize(
    ("event", "words"),
    [
        ({"kind": "Made", "when": "2030-01-01T00:00:00Z"}, "requires 'myId' property to be set."),
        (GIVEN | {"when": "soon"}, "'CustomEvent' schema. The JSON received does not conform"),
        (GIVEN | {"about": {}}, "Property 'about' must be a string."),
        ([], "Expected: StartObject, actual: StartArray."),
    ],
)
def test_what_the_mapping_cannot_read_is_refused(event, words):
    answer, _ = publish([event])
    assert isinstance(answer, Refusal)
    assert words in answer.message


@pytest.mark.parametrize("content_type", ["application/json", "application/cloudevents+json"])
def test_a_request_is_an_array(content_type):
    answer, _ = publish(GIVEN, content_type=content_type)
    assert answer.message == "Unexpected token when reading JSON. Expected: StartArray, actual: StartObject."
