"""A record of a subscriber's topic becomes one line."""

import json

from router.cli.event_lines import event_line, metadata_line, readable_line
from tests.builders import NOON, a_cloud_event, an_event, as_bytes, event_headers

BINARY = [
    ("content-type", b"application/json"),
    ("ce_specversion", b"1.0"),
    ("ce_id", b"7"),
    ("ce_type", b"t"),
    ("ce_source", b"/s"),
]


def test_an_event_keeps_its_bytes():
    event = an_event(data={"number": 0.1, "text": "ä"})
    assert event_line(as_bytes(event), event_headers(event)) == as_bytes(event)


def test_an_event_of_many_lines_becomes_one():
    event = a_cloud_event(data="two\nlines")
    line = event_line(json.dumps(event, indent=2).encode().replace(b"\n", b"\r\n"), event_headers(event))
    assert b"\n" not in line
    assert b"\r" not in line
    assert json.loads(line) == event


def test_binary_mode_becomes_one_object():
    assert json.loads(event_line(b'{"x": 1}', BINARY)) == {
        "specversion": "1.0",
        "id": "7",
        "type": "t",
        "source": "/s",
        "datacontenttype": "application/json",
        "data": {"x": 1},
    }


def test_what_is_no_event_is_a_json_document_too():
    assert set(json.loads(event_line(b"\xff\xfe", []))) == {"unreadable", "raw"}
    assert set(json.loads(event_line(None, []))) == {"unreadable", "raw"}


def test_metadata_says_where_the_event_stands():
    event = an_event()
    line = metadata_line(2, 17, 1000, b"k\xff", as_bytes(event), [("x", b"\x00\xffraw")])
    assert json.loads(line) == {
        "partition": 2,
        "offset": 17,
        "timestamp": 1000,
        "key": "k\\xff",
        "headers": {"x": "\x00\\xffraw"},
        "event": event,
    }


def test_people_see_time_type_subject_and_id():
    event = an_event(id="7", subject="models/churn:3")
    line = readable_line(NOON, as_bytes(event), event_headers(event)).plain
    assert line.split() == ["12:00:00", "ModelRegistered", "models/churn:3", "7"]


def test_people_see_of_an_event_in_a_custom_schema_what_its_headers_say():
    headers = event_headers(an_event(id="17", subject="customers/5"))
    line = readable_line(NOON, b'{"orderId": 17}', headers).plain
    assert line.split() == ["12:00:00", "ModelRegistered", "customers/5", "17"]
    for broken in (b"[1]", b"{", b"\xff", None):
        assert "no event" in readable_line(NOON, broken, headers).plain


def test_people_see_that_a_record_is_no_event():
    assert "no event" in readable_line(NOON, b"{}", []).plain
