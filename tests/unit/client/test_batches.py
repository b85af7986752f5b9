"""A file of events is read and cut into requests without touching the events."""

import json

import pytest

from router.client.batches import cut, read_events
from router.errors import RefusedError
from tests.builders import a_cloud_event, an_event, as_bytes


def raws(events):
    return [event.raw for event in events]


def test_an_array_an_object_and_lines_are_read():
    one, two = as_bytes(an_event(id="1")), as_bytes(a_cloud_event(id="2"))
    assert raws(read_events(b"[" + one + b",\n" + two + b"]")) == [one, two]
    assert raws(read_events(one)) == [one]
    assert raws(read_events(one + b"\n\n" + two + b"\r\n")) == [one, two]


def test_lines_that_are_arrays_are_read():
    one, two = as_bytes(an_event(id="1")), as_bytes(an_event(id="2"))
    assert raws(read_events(one + b"\n[" + two + b"," + one + b"]")) == [one, two, one]


def test_a_pretty_printed_object_is_one_event():
    text = json.dumps(an_event(), indent=2).encode()
    assert raws(read_events(text)) == [text]


def test_bytes_stay_as_they_are():
    text = b'{"id": "1", "specversion": "1.0", "data": {"x": 0.83503490684792081, "big": 1e999}}'
    (event,) = read_events(b"\xef\xbb\xbf [" + text + b"]\n")
    assert event.raw == text
    assert event.schema == "CloudEventSchemaV1_0"
    assert str(event) == 'event 1 (id "1")'


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"", "empty"),
        (b"  \n ", "empty"),
        (b"{nope", "not valid JSON"),
        (b"[1, 2", "not valid JSON"),
        (b"[1]", "event 1 is no JSON object"),
        (b'"text"', "event 1 is no JSON object"),
        (b'{"id": "1"}\n{nope\n', "line 2 is not valid JSON"),
        (b'{"id": "1"}\n[{},\n', "line 2 is not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
    ],
)
def test_what_cannot_be_read_is_named(text, complaint):
    with pytest.raises(RefusedError, match=complaint):
        read_events(text)


def test_an_array_without_events_is_no_event():
    assert read_events(b"[]") == []


def test_batches_keep_to_count_and_bytes():
    events = read_events(b"\n".join(as_bytes(an_event(id=str(n))) for n in range(10)))
    assert [len(batch.events) for batch in cut(events, 4)] == [4, 4, 2]
    largest = max(len(batch.body()) for batch in cut(events, 100, max_bytes=1000))
    assert largest <= 1000


def test_a_batch_is_a_json_array_of_one_schema():
    grid, cloud = as_bytes(an_event()), as_bytes(a_cloud_event())
    batches = list(cut(read_events(grid + b"\n" + grid + b"\n" + cloud), 100))
    assert [(batch.schema, len(batch.events)) for batch in batches] == [
        ("EventGridSchema", 2),
        ("CloudEventSchemaV1_0", 1),
    ]
    assert batches[0].body() == b"[" + grid + b"," + grid + b"]"
    assert batches[0].content_type == "application/json; charset=utf-8"
    assert batches[1].content_type == "application/cloudevents-batch+json; charset=utf-8"


def test_an_event_that_is_too_large_travels_alone():
    small, large = as_bytes(an_event()), as_bytes(an_event(data="x" * 2000))
    batches = list(cut(read_events(small + b"\n" + large + b"\n" + small), 100, max_bytes=1000))
    assert [len(batch.events) for batch in batches] == [1, 1, 1]
