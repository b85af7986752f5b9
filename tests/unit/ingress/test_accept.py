"""What becomes of a request's body: records of workspace.events, or a refusal in Event Grid's words."""

import json

import pytest

from router.ingress.accept import accept
from router.ingress.refusals import MAX_DEPTH, MAX_EVENT_BYTES, MAX_EVENTS, MAX_REQUEST_BYTES, Refusal
from router.kafka.memory import messages_of
from router.kafka.producer import Message
from tests.builders import NOON, WORKSPACE, a_cloud_event, a_source, an_event, as_bytes
from topics.samples import sample_events

JSON = "application/json; charset=utf-8"
STRUCTURED = "application/cloudevents+json; charset=utf-8"
BATCH = "application/cloudevents-batch+json; charset=utf-8"
SOURCE = a_source()


def accepted(body, content_type=JSON, source=SOURCE) -> list[Message]:
    answer = accept(body if isinstance(body, bytes) else json.dumps(body).encode(), content_type, source, NOON)
    assert not isinstance(answer, Refusal), answer.message
    return messages_of(answer)


def refused(body, content_type=JSON, source=SOURCE) -> Refusal:
    answer = accept(body if isinstance(body, bytes) else json.dumps(body).encode(), content_type, source, NOON)
    assert isinstance(answer, Refusal)
    return answer


def without(event, *names):
    return {name: value for name, value in event.items() if name not in names}


def test_an_event_with_all_its_fields_keeps_its_bytes():
    raw = b'{ "id":"1",\t"topic":"%s" ,"subject":"models/\xc3\xa9:1","eventType":"t", "eventTime":"2020-01-01T00:00:00Z", "data": {"a" : 1.10, "a":2e400, "b":"\\u00e9"} ,"dataVersion":"2","metadataVersion":"1" }'
    raw = raw.replace(b"%s", WORKSPACE.encode())
    assert accepted(b" [" + raw + b" ]\n")[0].value == raw


@pytest.mark.parametrize("schema", ["EventGridSchema", "CloudEventSchemaV1_0"])
def test_recorded_events_are_accepted(schema):
    events = [event.replace(b"{s}", b"x") for event in sample_events(schema)]
    mine = [json.loads(event) | ({"topic": WORKSPACE} if schema == "EventGridSchema" else {}) for event in events]
    assert len(accepted(mine)) == 5


def test_an_event_grid_record_has_its_subject_as_key_and_its_envelope_in_headers():
    message = accepted([an_event(subject="models/é:1")])[0]
    assert message.key == "models/é:1".encode()
    assert list(message.headers) == [
        ("content-type", b"application/json; charset=utf-8"),
        ("ce_id", b"3f8ecd80-f53b-4791-87a9-ecfa61163ee9"),
        ("ce_type", b"Microsoft.MachineLearningServices.ModelRegistered"),
        ("ce_source", WORKSPACE.encode()),
        ("ce_subject", "models/é:1".encode()),
        ("ce_time", b"2025-10-20T12:00:00Z"),
    ]


def test_missing_fields_are_added_without_touching_data():
    data = b'{"n" : 1.50,"big":123456789012345678901234567890,  "\\u0061":[ ]}'
    raw = b'{"id":"1","subject":"s","eventType":"t","eventTime":"2020-01-01T00:00:00Z","data":' + data + b"}"
    value = accepted(b"[" + raw + b"]")[0].value
    assert data in value
    assert json.loads(value) == json.loads(raw) | {"topic": WORKSPACE, "dataVersion": "", "metadataVersion": "1"}


@pytest.mark.parametrize("fields", [{"topic": None}, {"topic": ""}, {"dataVersion": None}, {"metadataVersion": None}])
def test_fields_that_are_null_or_empty_are_replaced_and_not_doubled(fields):
    value = accepted([an_event(**fields)])[0].value
    stamps = {"topic": WORKSPACE, "dataVersion": "", "metadataVersion": "1"}
    assert json.loads(value) == an_event() | {name: stamps[name] for name in fields}
    assert value.count(b'"%s"' % next(iter(fields)).encode()) == 1


def test_a_topic_in_another_case_is_the_same_topic():
    event = an_event(topic=WORKSPACE.upper())
    assert accepted([event])[0].value == as_bytes(event)


def test_without_a_subject_the_source_is_the_key():
    assert accepted([an_event(subject="")])[0].key == WORKSPACE.encode()
    assert accepted(without(a_cloud_event(source="/me"), "subject"), STRUCTURED)[0].key == b"/me"


@pytest.mark.parametrize("data", [None, 1, "text", True, [], [[{}]], {"": {"a": None}}, "\x00\u2028"])
def test_data_may_be_any_json(data):
    assert json.loads(accepted([an_event(data=data)])[0].value)["data"] == data


@pytest.mark.parametrize("text", ["日本", "\U0001f600", "a'; DROP TABLE", "<script>", " ", "\u202e", "\x01\x1f\x7f"])
def test_ids_subjects_and_types_may_be_any_text(text):
    message = accepted([an_event(id=text, subject=text, eventType=text)])[0]
    assert (message.key, dict(message.headers)["ce_id"]) == (text.encode(), text.encode())


@pytest.mark.parametrize(
    "time",
    [
        "2019-10-31T00:09:13.7239319Z",
        "2019-10-23T18:20:08.8824474+00:00",
        "2026-11-23T02:51:52",
        "2026-11-23 02:51:52+0100",
        "2020-01-01",
    ],
)
def test_times_are_read_as_publishers_write_them(time):
    assert dict(accepted([an_event(eventTime=time)])[0].headers)["ce_time"] == time.encode()


def test_an_empty_array_is_accepted():
    assert accepted(b"[]") == []
    assert accepted(b" [ ] ", BATCH) == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(a_cloud_event(), STRUCTURED), ([a_cloud_event()], BATCH), ([a_cloud_event()], JSON), (a_cloud_event(), JSON)],
)
def test_cloud_events_come_single_or_in_batches(body, content_type):
    message = accepted(body, content_type)[0]
    assert message.value == as_bytes(a_cloud_event())
    assert list(message.headers) == [
        ("content-type", b"application/cloudevents+json; charset=utf-8"),
        ("ce_id", b"3f8ecd80-f53b-4791-87a9-ecfa61163ee9"),
        ("ce_type", b"Microsoft.MachineLearningServices.ModelRegistered"),
        ("ce_source", WORKSPACE.encode()),
        ("ce_subject", b"models/churn:3"),
        ("ce_time", b"2025-10-20T12:00:00Z"),
    ]


def test_a_cloud_event_of_another_source_names_the_workspace_in_a_header():
    headers = dict(accepted([a_cloud_event(source="/mine")], BATCH)[0].headers)
    assert (headers["ce_source"], headers["router-source"]) == (b"/mine", WORKSPACE.encode())


def test_a_workspace_takes_both_schemas_in_one_array():
    first, second = accepted([an_event(), a_cloud_event()])
    assert dict(first.headers)["content-type"] != dict(second.headers)["content-type"]


def test_extension_attributes_are_kept():
    event = a_cloud_event(traceparent="00-1-1-01", mine=1, flag=True)
    assert accepted(event, STRUCTURED)[0].value == as_bytes(event)


BODIES = {
    "no JSON": (b"{nope", JSON, "JSON is malformed"),
    "nothing": (b"", JSON, "truncated"),
    "more than one text": (b"[][]", JSON, "trailing characters"),
    "a byte order mark": (b"\xef\xbb\xbf[]", JSON, "malformed"),
    "not UTF-8": (b'[{"data":"\xff"}]', JSON, "It is not UTF-8 (byte 10)"),
    "a surrogate in UTF-8": (b'["\xed\xa0\x80"]', JSON, "It is not UTF-8"),
    "NaN": (b'[{"data":NaN}]', JSON, "malformed"),
    "a bare event": (
        an_event(),
        JSON,
        "Unexpected token when reading JSON. Expected: StartArray, actual: StartObject.",
    ),
    "a string": (b'"x"', JSON, "Expected: StartArray, actual: String."),
    "a number": (b"1.5", JSON, "Expected: StartArray, actual: Float."),
    "null": (b"null", JSON, "Expected: StartArray, actual: Null."),
    "an array of numbers": (b"[1]", JSON, "Expected: StartObject, actual: Integer."),
    "an array for one CloudEvent": (
        [a_cloud_event()],
        STRUCTURED,
        "Token Expected: StartObject, \nActual Token Received: StartArray",
    ),
    "one CloudEvent for a batch": (
        a_cloud_event(),
        BATCH,
        "Token Expected: StartArray, \nActual Token Received: StartObject",
    ),
    "an Event Grid event in a batch": (
        [an_event()],
        BATCH,
        "configured for 'CloudEventV10' schema and requires 'specversion' property to be set.",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_bodies_that_are_no_events_are_refused(name):
    body, content_type, words = BODIES[name]
    answer = refused(body, content_type)
    assert (answer.status, answer.code, answer.detail_code) == (400, "BadRequest", "InputJsonInvalid")
    assert words in answer.message


GRID = {
    "an unknown property": (
        {"sas_url": 1},
        "This resource is configured for 'EventGridEvent' schema. Received unexpected property 'sas_url' in JSON which does not conform to the expected schema.",
    ),
    "an id that is a number": ({"id": 5}, "Property 'id' must be a string."),
    "an id that is null": (
        {"id": None},
        "This resource is configured for 'EventGridEvent' schema and requires 'id' property to be set.",
    ),
    "an empty id": ({"id": ""}, "requires 'id' property to be set."),
    "an empty type": ({"eventType": ""}, "requires 'eventType' property to be set."),
    "a NUL in the id": ({"id": "a\0b"}, "Property 'id' must not contain a NUL character."),
    "a NUL in the subject": ({"subject": "\0"}, "Property 'subject' must not contain a NUL character."),
    "a time that is none": ({"eventTime": "yesterday"}, "Property 'eventTime' was found to be set to 'yesterday'"),
    "the topic of another": ({"topic": "/subscriptions/x"}, f"be set to '{WORKSPACE}'"),
    "a metadata version": ({"metadataVersion": "2"}, "Property 'metadataVersion' was found to be set to '2'"),
    "a data version that is a number": ({"dataVersion": 2}, "Property 'dataVersion' must be a string."),
}


@pytest.mark.parametrize("name", GRID)
def test_event_grid_events_that_break_a_rule_are_refused(name):
    fields, words = GRID[name]
    answer = refused([an_event(), an_event(**fields)])
    assert (answer.status, answer.detail_code) == (400, "InputJsonInvalid")
    assert words in answer.message


@pytest.mark.parametrize("name", ["id", "subject", "eventType", "eventTime"])
def test_each_required_property_is_missed_by_name(name):
    assert f"requires '{name}' property to be set." in refused([without(an_event(), name)]).message


CLOUD = {
    "no id": (
        without(a_cloud_event(), "id"),
        "configured for 'CloudEventV10' schema and requires 'id' property to be set.",
    ),
    "another version": (a_cloud_event(specversion="0.3"), "Property 'specversion' must be '1.0'."),
    "an empty source": (a_cloud_event(source=""), "requires 'source' property to be set."),
    "a subject that is a number": (a_cloud_event(subject=1), "Property 'subject' must be a string."),
    "a time that is none": (a_cloud_event(time="x"), "Property 'time' was found to be set to 'x'"),
    "both kinds of data": (a_cloud_event(data_base64="AA=="), "Only one of 'data' and 'data_base64' may be set."),
    "data that is no base64": (
        without(a_cloud_event(data_base64="é"), "data"),
        "Property 'data_base64' must be base64.",
    ),
    "a NUL in the type": (a_cloud_event(type="\0"), "Property 'type' must not contain a NUL character."),
}


@pytest.mark.parametrize("name", CLOUD)
def test_cloud_events_that_break_a_rule_are_refused(name):
    event, words = CLOUD[name]
    answer = refused(event, STRUCTURED)
    assert (answer.status, answer.detail_code) == (400, "InputJsonInvalid")
    assert words in answer.message


@pytest.mark.parametrize("escape", ["\\ud800", "\\udc00", "\\ud800\\u0041"])
@pytest.mark.parametrize("place", ["id", "data"])
def test_lone_surrogates_are_refused(escape, place):
    body = as_bytes(an_event(**{place: "@"})).replace(b"@", escape.encode())
    assert refused(b"[" + body + b"]").detail_code == "InputJsonInvalid"


def test_a_long_hostile_name_is_cut_short_in_the_answer():
    assert len(refused([an_event(**{"x" * 100_000: 1})]).message) < 600
    assert len(refused([an_event(topic="x" * 100_000)]).message) < 1000


@pytest.mark.parametrize(
    ("schema", "body", "words"),
    [
        ("EventGridSchema", [a_cloud_event()], "Received unexpected property 'specversion'"),
        ("EventGridSchema", a_cloud_event(), "Expected: StartArray, actual: StartObject."),
        (
            "CloudEventSchemaV1_0",
            [an_event()],
            "'CloudEventV10' schema. The JSON received does not conform to the expected schema. Token Expected: StartObject, \nActual Token Received: StartArray",
        ),
    ],
)
def test_a_custom_topic_takes_its_own_schema_only(schema, body, words):
    assert words in refused(body, JSON, a_source(input_schema=schema)).message


def test_sizes_up_to_the_limits_are_accepted_and_no_more():
    event = as_bytes(an_event(data="@"))
    body = event.replace(b"@", b"x" * (MAX_EVENT_BYTES - len(event) + 1))
    assert len(accepted(b"[" + body + b"]")) == 1
    larger = refused(b"[" + body.replace(b"xx", b"xxx", 1) + b"]")
    assert (larger.status, larger.message) == (413, "The maximum size (1049600) has been exceeded.")
    largest = refused(b" " * (MAX_REQUEST_BYTES + 1))
    assert (largest.code, largest.detail_code) == ("RequestEntityTooLarge", "PayloadTooLarge")
    assert largest.message == "The maximum size (1536000) has been exceeded."
    assert not largest.has_report


def test_events_up_to_five_thousand_are_accepted_and_no_more():
    one = b'{"id":"1","subject":"","eventType":"t","eventTime":"2020-01-01","data":0}'
    assert len(accepted(b"[" + b",".join([one] * MAX_EVENTS) + b"]")) == MAX_EVENTS
    assert refused(b"[" + b",".join([one] * (MAX_EVENTS + 1)) + b"]").status == 413


def test_nesting_up_to_the_limit_is_accepted_and_no_more():
    depth = MAX_DEPTH - 1
    deep = as_bytes(an_event(data="@"))
    assert accepted(b"[" + deep.replace(b'"@"', b"[" * depth + b"]" * depth) + b"]")
    wide = b'["[[[[{\\"{{",' + b"[],{}," * 5000 + b"1]"
    assert accepted(b"[" + deep.replace(b'"@"', wide) + b"]")
    for levels in (depth + 1, 100_000):
        answer = refused(b"[" + deep.replace(b'"@"', b"[" * levels + b"]" * levels) + b"]")
        assert "nested deeper" in answer.message


@pytest.mark.parametrize("value", ["x", 5, True, None])
def test_extension_attributes_may_be_of_every_type_that_cloud_events_have(value):
    raw = as_bytes(a_cloud_event(traceid=value))
    assert accepted(raw, STRUCTURED)[0].value == raw


@pytest.mark.parametrize(
    ("extension", "words"),
    [
        ({"traceId": "x"}, "unexpected property 'traceId'"),
        ({"trace-id": "x"}, "unexpected property 'trace-id'"),
        ({"é": "x"}, "unexpected property 'é'"),
        ({"traceid": {}}, "'traceid' must be a string, an integer or true or false."),
        ({"traceid": [1]}, "'traceid' must be a string, an integer or true or false."),
        ({"traceid": 1.5}, "'traceid' must be a string, an integer or true or false."),
        ({"time": "2030-01-01T00:00:00"}, "'time' was found to be set to '2030-01-01T00:00:00'"),
        ({"time": "2030-01-01"}, "must be a time in RFC 3339"),
    ],
)
def test_what_is_no_attribute_of_a_cloud_event_is_refused(extension, words):
    assert words in refused(a_cloud_event(**extension), STRUCTURED).message


def test_a_cloud_event_sent_to_a_topic_of_event_grid_events_is_refused_as_azure_refuses_it():
    source = a_source(kind="custom-topic", input_schema="EventGridSchema")
    assert (
        "'EventGridEvent' schema. Received unexpected property 'specversion'"
        in refused([a_cloud_event()], BATCH, source).message
    )
