"""CloudEvents in HTTP binary mode become structured ones."""

import json

import pytest

from router.ingress.binary_mode import is_binary_mode, structured
from router.ingress.refusals import Refusal

ATTRIBUTES = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/me", "ce-type": "t"}


def event(body=b"", **headers):
    return json.loads(structured((ATTRIBUTES | {n.replace("_", "-"): v for n, v in headers.items()}).items(), body))


def test_headers_become_attributes_and_the_body_data():
    assert event(
        b'{"a": 1}', ce_subject="s", ce_mine="x", content_type="application/json; charset=utf-8", host="h"
    ) == {
        "specversion": "1.0",
        "id": "1",
        "source": "/me",
        "type": "t",
        "subject": "s",
        "mine": "x",
        "datacontenttype": "application/json; charset=utf-8",
        "data": {"a": 1},
    }


def test_json_keeps_its_bytes():
    raw = structured(ATTRIBUTES.items(), b'{ "a" : 1.50 }')
    assert b'"data":{ "a" : 1.50 }' in raw


def test_other_data_is_text_or_base64():
    assert event("é".encode(), content_type="text/plain")["data"] == "é"
    assert event(b"\x00\xff", content_type="application/octet-stream")["data_base64"] == "AP8="
    assert "data" not in event(b"", content_type="application/json")


def test_values_are_percent_decoded():
    assert event(ce_subject="Euro%20%E2%82%AC%20%F0%9F%98%80")["subject"] == "Euro € 😀"
    assert event(ce_subject='"say \\"hi\\""')["subject"] == 'say "hi"'


def test_headers_that_would_be_data_are_left_out():
    assert event(b"1", ce_data="x", ce_datacontenttype="y", ce_data_base64="eA==") == {**event(b"1")}


@pytest.mark.parametrize("name", ATTRIBUTES)
def test_a_missing_header_is_named(name):
    answer = structured([pair for pair in ATTRIBUTES.items() if pair[0] != name], b"")
    assert (answer.status, answer.detail_code) == (400, "InvalidCloudEventHeader")
    assert answer.message == f"{name} header is missing for the cloud event."


@pytest.mark.parametrize(
    ("body", "headers"), [(b"{", {"content-type": "application/json"}), (b"", {"ce-subject": "%ff"})]
)
def test_what_cannot_be_read_is_refused(body, headers):
    answer = structured((ATTRIBUTES | headers).items(), body)
    assert isinstance(answer, Refusal)
    assert answer.detail_code == "InputJsonInvalid"


def test_the_mode_is_told_by_any_required_header():
    assert is_binary_mode([b"host", b"ce-type"], "application/json")
    assert not is_binary_mode([b"host", b"ce-mine", b"content-type"], "")


@pytest.mark.parametrize("content_type", ["application/cloudevents+json", "Application/CloudEvents-batch+json; x=y"])
def test_a_structured_body_wins_over_headers_that_repeat_it(content_type):
    assert not is_binary_mode([b"ce-id", b"ce-type"], content_type)


def test_a_header_that_is_there_twice_is_refused():
    answer = structured([*ATTRIBUTES.items(), ("ce-id", "2")], b"")
    assert isinstance(answer, Refusal)
    assert "'ce-id' is there twice" in answer.message
