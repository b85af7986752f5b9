import pytest

from router.events.conversion import to_schema
from router.events.envelope import UnreadableEventError, origin_of, read_envelope
from tests.builders import WORKSPACE, a_binary_record, a_cloud_event, a_record, an_event, as_bytes, event_headers


def test_an_event_grid_event_is_read_from_its_body():
    record = a_record(an_event(id="one", subject="models/a:1"))
    envelope = read_envelope(record.value, record.headers)
    assert (envelope.schema, envelope.id, envelope.source) == ("EventGridSchema", "one", WORKSPACE)
    assert (envelope.subject, envelope.data_version) == ("models/a:1", "2")


def test_a_structured_cloud_event_is_recognised_by_its_content_type():
    record = a_record(a_cloud_event(id="two"))
    envelope = read_envelope(record.value, record.headers)
    assert (envelope.schema, envelope.id, envelope.type) == (
        "CloudEventSchemaV1_0",
        "two",
        "Microsoft.MachineLearningServices.ModelRegistered",
    )


def test_a_binary_cloud_event_is_read_from_its_headers():
    record = a_binary_record(b'{"id": "not this one"}')
    envelope = read_envelope(record.value, record.headers)
    assert (envelope.id, envelope.source) == (a_cloud_event()["id"], WORKSPACE)


def test_headers_that_disagree_with_the_body_do_not_count():
    envelope = read_envelope(as_bytes(an_event(id="body")), [("ce_id", b"header"), ("ce_type", b"other")])
    assert envelope.id == "body"


def test_no_subject_counts_as_an_empty_one():
    event = a_cloud_event()
    headers = event_headers(event)
    del event["subject"]
    assert read_envelope(as_bytes(event), headers).subject == ""
    assert read_envelope(as_bytes(event | {"subject": None}), headers).subject == ""


def test_letters_beyond_ascii_are_kept():
    assert read_envelope(as_bytes(an_event(id="模型-é")), []).id == "模型-é"


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="no value"),
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe not utf-8", id="no UTF-8"),
        pytest.param(b"[1,2", id="cut off"),
        pytest.param(b"[]", id="an array"),
        pytest.param(b"null", id="null"),
        pytest.param(b'{"hello": 1}', id="no event"),
        pytest.param(b'{"id": 5, "eventType": null}', id="members of other types"),
        pytest.param(as_bytes(an_event(id="")), id="an empty id"),
        pytest.param(b"\x00" * 100, id="zeros"),
        pytest.param(as_bytes(an_event())[:-1] + b',"x":"\xff"}', id="no UTF-8 in a member that nobody looks at"),
        pytest.param(b'{"id":' + b"[" * 100_000, id="nested too deeply"),
    ],
)
def test_what_is_no_event_is_unreadable_and_not_quoted(value):
    with pytest.raises(UnreadableEventError) as problem:
        read_envelope(value, [])
    assert "hello" not in str(problem.value)


def test_binary_mode_without_an_id_is_unreadable():
    with pytest.raises(UnreadableEventError, match="ce_id"):
        read_envelope(b"{}", [("ce_specversion", b"1.0"), ("ce_type", b"t"), ("ce_source", b"s")])


@pytest.mark.parametrize("name", ["content-type", "ce_subject", "ce_time", "router-source", "anything"])
@pytest.mark.parametrize("event", [an_event(), a_cloud_event()])
def test_a_header_without_a_value_says_nothing(name, event):
    """Kafka has such headers, and whoever writes to the source topic may use them."""
    headers = [header for header in event_headers(event) if header[0] != name or name == "content-type"]
    envelope = read_envelope(as_bytes(event), [(name, None), *headers])
    assert envelope.id == event["id"]
    assert origin_of(envelope, [(name, None), *headers])


def test_binary_mode_whose_attributes_have_no_value_is_read_without_them():
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"1"),
        ("ce_type", b"t"),
        ("ce_source", b"s"),
        ("ce_subject", None),
    ]
    assert read_envelope(b"{}", headers).subject == ""
    assert b"subject" not in to_schema(b"{}", [*headers, ("content-type", None)], "CloudEventSchemaV1_0")
    with pytest.raises(UnreadableEventError, match="ce_id"):
        read_envelope(b"{}", [("ce_id", None), *(header for header in headers if header[0] != "ce_id")])


def test_a_cloud_event_of_its_own_source_names_the_workspace_in_a_header():
    event = a_cloud_event(source="/my/trainer")
    headers = [*event_headers(event), ("router-source", WORKSPACE.encode())]
    envelope = read_envelope(as_bytes(event), headers)
    assert envelope.source == "/my/trainer"
    assert origin_of(envelope, headers) == WORKSPACE


def test_an_event_grid_event_comes_from_its_topic_whatever_a_header_says():
    record = a_record(an_event())
    envelope = read_envelope(record.value, record.headers)
    assert origin_of(envelope, [*record.headers, ("router-source", b"/elsewhere")]) == WORKSPACE
