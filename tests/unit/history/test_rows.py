"""Records of the topics become rows; what cannot be read becomes none."""

import json
from datetime import timedelta

import pytest

from router.delivery.dead_letter import dead_letter_value
from router.delivery.settle import GiveUp
from router.history.rows import attempt_row, dead_letter_row, event_row, hash_of, microseconds
from tests.builders import NOON, StoredRecord, a_cloud_event, a_delivery, a_record, an_attempt, an_event, as_bytes

GIVEN_UP = GiveUp("MaxDeliveryAttemptsExceeded", 30, "Busy")


def a_dead_letter_record(event, schema):
    value = dead_letter_value(as_bytes(event), schema, GIVEN_UP, published=NOON, last_attempt=NOON)
    return StoredRecord(value, tuple(a_delivery(event).headers()), partition=3, offset=7)


def test_an_attempt():
    attempt = an_attempt(status=503, outcome="failed", detail="token=abc")
    row = attempt_row(StoredRecord(attempt.encode()))
    assert (row.delivery_id, row.event_id, row.status, row.at) == (
        attempt.delivery_id, attempt.event_id, 503, microseconds(NOON),
    )  # fmt: skip
    assert row.detail == "token=[redacted]"


def test_attempts_are_numbered_in_the_order_of_time_and_each_as_one():
    def number(at, **place):
        return attempt_row(StoredRecord(an_attempt(at=at).encode(), **place)).number

    later = NOON + timedelta(milliseconds=1)
    assert number(NOON, partition=3, offset=9_000) < number(later, partition=0, offset=0)
    assert number(NOON, partition=0, offset=1) != number(NOON, partition=1, offset=1) != number(NOON, offset=2)
    assert number(NOON) == number(NOON)


def test_a_dead_letter_in_either_schema():
    for event, schema in ((an_event(), "EventGridSchema"), (a_cloud_event(), "CloudEventSchemaV1_0")):
        row = dead_letter_row(a_dead_letter_record(event, schema))
        assert (row.event_id, row.reason, row.attempts, row.last_outcome) == (event["id"], *_fields())
        assert (row.partition, row.record_offset, row.cause) == (3, 7, "endpoint/none/busy")


def test_where_an_event_stands():
    record = a_record(partition=2, offset=41)
    assert event_row(record) == (hash_of(an_event()["id"]), 2, 41, record.timestamp)


def test_an_event_without_headers_is_found_by_its_own_id():
    assert event_row(a_record(headers=())) == event_row(a_record())


def test_an_event_whose_id_header_has_no_value_is_found_by_its_own_id():
    assert event_row(a_record(headers=(("ce_id", None),))) == event_row(a_record())


def test_what_cannot_be_read_is_no_row():
    for value in (None, b"", b"{", b"[]", b'{"delivery_id": 1}', json.dumps({"id": "x"}).encode()):
        assert attempt_row(StoredRecord(value)) is None
        assert dead_letter_row(StoredRecord(value)) is None
        assert event_row(StoredRecord(value)) is None


@pytest.mark.parametrize("member", ["attempt", "status"])
def test_a_number_that_no_row_can_hold_is_no_row(member):
    """Whoever may write to the topic must not be able to stop the history by one record."""
    attempt = {"delivery_id": "d", "event_id": "e", "subscription": "s", "attempt": 1, "at": NOON.isoformat()}
    attempt |= {"outcome": "failed", "duration_ms": 1.0, "status": 500, "detail": ""}
    assert attempt_row(StoredRecord(json.dumps(attempt).encode())) is not None
    assert attempt_row(StoredRecord(json.dumps(attempt | {member: 1 << 70}).encode())) is None


def _fields():
    return GIVEN_UP.reason, GIVEN_UP.attempts, GIVEN_UP.last_outcome
