import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.conversion import headers_for, to_schema
from router.events.envelope import UnreadableEventError, form_of, read_envelope
from tests.builders import NOON, a_binary_record, a_cloud_event, a_record, an_event, as_bytes

GRID, CLOUD = "EventGridSchema", "CloudEventSchemaV1_0"


@pytest.mark.parametrize("event", [an_event(), a_cloud_event()], ids=["event grid", "cloud events"])
def test_bytes_are_unchanged_where_the_schemas_agree(event):
    record = a_record(event)
    own = CLOUD if "specversion" in event else GRID
    assert to_schema(record.value, record.headers, None) is record.value
    assert to_schema(record.value, record.headers, own) is record.value


def test_an_event_grid_event_becomes_a_cloud_event():
    record = a_record(an_event())
    assert json.loads(to_schema(record.value, record.headers, CLOUD)) == a_cloud_event()


def test_a_cloud_event_becomes_an_event_grid_event():
    record = a_record(a_cloud_event())
    assert json.loads(to_schema(record.value, record.headers, GRID)) == an_event(dataVersion="")


def test_a_cloud_event_without_time_gets_the_time_of_its_acceptance():
    event = a_cloud_event()
    record = a_record(event)
    del event["time"]
    converted = json.loads(to_schema(as_bytes(event), record.headers, GRID, NOON))
    assert converted["eventTime"].startswith("2025-10-20T12:00:00")


def test_the_bytes_of_data_survive_a_conversion():
    data = b'{ "big": 12345678901234567890123, "e": 1.50e+2, "z":1,"a":"\\u00e9" }'
    raw = b'{"id":"1","topic":"/w","subject":"","eventType":"t","eventTime":"x","data":' + data + b"}"
    assert b'"data":' + data in to_schema(raw, [], CLOUD)


def test_binary_mode_becomes_a_structured_object():
    record = a_binary_record(b'{"n": 1.0}')
    event = json.loads(to_schema(record.value, record.headers, None))
    assert event["specversion"] == "1.0"
    assert event["datacontenttype"] == "application/json"
    assert b'"data":{"n": 1.0}' in to_schema(record.value, record.headers, None)


@pytest.mark.parametrize(
    ("content_type", "data", "member", "expected"),
    [
        (b"text/plain; charset=utf-8", "é".encode(), "data", "é"),
        (b"application/octet-stream", b"\x00\x01", "data_base64", "AAE="),
        (b"text/plain", b"\xff", "data_base64", "/w=="),
        (b"application/vnd.model+json", b"[1]", "data", [1]),
    ],
)
def test_binary_data_is_written_as_its_content_type_asks(content_type, data, member, expected):
    record = a_binary_record(data, content_type)
    assert json.loads(to_schema(record.value, record.headers, None))[member] == expected


def test_binary_data_that_is_not_the_json_it_claims_to_be_is_unreadable():
    record = a_binary_record(b"{nope")
    with pytest.raises(UnreadableEventError, match="content type"):
        to_schema(record.value, record.headers, None)


def test_converted_headers_tell_the_new_schema_and_keep_the_rest():
    record = a_binary_record(b"{}")
    headers = headers_for(record.headers, form_of(record.headers), GRID)
    assert headers[0] == ("content-type", b"application/json; charset=utf-8")
    assert form_of(headers) == "event_grid"
    assert ("ce_id", record.headers[2][1]) in headers


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_there_and_back_keeps_data_and_attributes(data):
    event = an_event(data=data, dataVersion="")
    record = a_record(event)
    cloud = to_schema(record.value, record.headers, CLOUD)
    cloud_headers = [("content-type", b"application/cloudevents+json")]
    assert json.loads(to_schema(cloud, cloud_headers, GRID)) == event
    assert read_envelope(cloud, cloud_headers).id == event["id"]
