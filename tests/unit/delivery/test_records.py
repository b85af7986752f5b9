"""The records that an attempt leaves behind."""

from dataclasses import replace
from datetime import timedelta

import pytest

from router.delivery.records import dead_letter, expired, parked, read_owed, records_of
from router.delivery.settle import Done, GiveUp, TryAgain
from router.events.envelope import UnreadableEventError
from router.handlers.outcome import Delivered, Failed
from tests.builders import NOON, a_cloud_event, a_delivery, an_event, as_bytes
from topics.attempts import DeliveryAttempt
from topics.deliveries import Delivery, due_of
from topics.subscriptions import subscription_key

FAILED = Failed(503, "Busy", 12.5, "try later")


def test_each_attempt_leaves_a_record_that_the_contract_reads():
    delivery = a_delivery(attempt=3)
    ((topic, message),) = records_of(read_owed(delivery, None), Delivered(202, 12.5, "ok"), Done(), NOON)
    assert (topic, message.key) == ("router.attempts", delivery.delivery_id.encode())
    assert DeliveryAttempt.model_validate_json(message.value) == DeliveryAttempt(
        delivery_id=delivery.delivery_id,
        event_id=an_event()["id"],
        event_type=an_event()["eventType"],
        subscription=delivery.subscription_id,
        attempt=3,
        at=NOON,
        outcome="delivered",
        status=202,
        duration_ms=12.5,
        detail="ok",
    )


@pytest.mark.parametrize(
    ("seconds", "topic"), [(10, "10s"), (29, "10s"), (30, "30s"), (72, "1m"), (599, "5m"), (50_000, "12h")]
)
def test_what_is_tried_again_waits_in_the_topic_of_its_wait(seconds, topic):
    again = a_delivery(attempt=2, due=NOON + timedelta(seconds=seconds), last_outcome="Busy")
    settlement = TryAgain(again, timedelta(seconds=seconds))
    _attempt, (name, message) = records_of(read_owed(a_delivery(), None), FAILED, settlement, NOON)
    assert name == f"router.retries.{topic}"
    assert message.key == subscription_key(again.subscription_id)
    assert Delivery.from_record(message.value, message.headers) == again


@pytest.mark.parametrize("name", ["router-due", "router-last-outcome", "router-attempt", "content-type"])
def test_a_header_without_a_value_is_as_good_as_none(name):
    """Whoever writes to the source topic may give such headers, and fan-out passes all of them on."""
    delivery = a_delivery()
    headers = [header for header in delivery.headers() if header[0] != name]
    if name == "router-attempt":
        with pytest.raises(ValueError, match="router-attempt is missing"):
            Delivery.from_record(delivery.event, [*headers, (name, None)])
    else:
        read = Delivery.from_record(delivery.event, [*headers, (name, None)])
        assert (read.due, read.last_outcome) == (None, None)
        assert read_owed(read, "CloudEventSchemaV1_0").envelope.id == an_event()["id"]
    assert due_of([(name, None)]) is None


def test_what_is_put_off_keeps_its_attempt():
    topic, message = parked(a_delivery(attempt=4), timedelta(seconds=11), NOON)
    assert topic == "router.retries.10s"
    again = Delivery.from_record(message.value, message.headers)
    assert (again.attempt, again.due) == (4, NOON + timedelta(seconds=11))


@pytest.mark.parametrize(
    ("attempt", "before", "is_failing", "after"),
    [(1, None, True, "Probation"), (1, None, False, None), (3, "NotFound", True, "NotFound")],
)
def test_what_waits_for_a_failing_endpoint_says_so_unless_it_knows_more(attempt, before, is_failing, after):
    delivery = a_delivery(attempt=attempt, last_outcome=before)
    _topic, message = parked(delivery, timedelta(seconds=11), NOON, is_failing=is_failing)
    assert Delivery.from_record(message.value, message.headers).last_outcome == after


def test_a_dead_letter_carries_what_it_takes_to_deliver_it_again():
    given_up = GiveUp("MaxDeliveryAttemptsExceeded", 30, "Busy")
    _attempt, (topic, message) = records_of(read_owed(a_delivery(attempt=30), None), FAILED, given_up, NOON)
    assert topic == "router.dead-letters"
    assert message.value.startswith(as_bytes(an_event())[:-1])
    again = Delivery.from_record(message.value, message.headers)
    assert (again.delivery_id, again.last_outcome) == (a_delivery().delivery_id, "Busy")
    assert again.event_headers == a_delivery().event_headers


def test_a_dead_letter_of_a_binary_event_is_a_structured_object():
    headers = (
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_id", b"7"),
        ("ce_type", b"t"),
        ("ce_source", b"s"),
    )
    owed = read_owed(replace(a_delivery(), event=b'{"a":1}', event_headers=headers), None)
    _topic, message = dead_letter(owed, GiveUp("TimeToLiveExceeded", 1, "Busy"), NOON)
    assert b'"data":{"a":1}' in message.value
    assert b'"deadletterreason":"TimeToLiveExceeded"' in message.value
    assert dict(message.headers)["content-type"].startswith(b"application/cloudevents+json")
    assert "ce_specversion" not in dict(message.headers)


@pytest.mark.parametrize(
    ("attempt", "last_outcome", "expected"),
    [
        (3, "NotFound", GiveUp("TimeToLiveExceeded", 2, "NotFound")),
        (1, None, GiveUp("TimeToLiveExceeded", 0, "Busy")),
        (1, "Probation", GiveUp("TimeToLiveExceeded", 0, "Probation")),
        (2, "SomethingNew", GiveUp("TimeToLiveExceeded", 1, "GenericError")),
    ],
)
def test_what_ran_out_of_time_tells_the_last_outcome(attempt, last_outcome, expected):
    assert expired(a_delivery(attempt=attempt, last_outcome=last_outcome)) == expected


def test_an_event_is_converted_to_the_schema_that_is_wanted():
    owed = read_owed(a_delivery(a_cloud_event()), "EventGridSchema")
    assert owed.schema == "EventGridSchema"
    assert b'"eventType"' in owed.event


def test_what_is_no_event_is_said_to_be_unreadable():
    with pytest.raises(UnreadableEventError):
        read_owed(replace(a_delivery(), event=b"[1]"), None)


CUSTOM = {"myId": "1", "total": 12.50, "more": {"a": [1, None]}}


def test_an_event_of_a_custom_schema_is_sent_as_it_was_published_and_dies_with_its_envelope():
    event = an_event(data=CUSTOM)
    owed = read_owed(a_delivery(event), "CustomInputSchema")
    assert owed.sent == as_bytes(CUSTOM)
    assert owed.schema == "EventGridSchema"
    given_up = GiveUp("UndeliverableDueToClientError", 1, "BadRequest")
    _attempt, (_topic, message) = records_of(owed, FAILED, given_up, NOON)
    assert message.value.startswith(as_bytes(event)[:-1])
    again = Delivery.from_record(message.value, message.headers)
    assert read_owed(again, "CustomInputSchema").sent == as_bytes(CUSTOM)


def test_a_cloud_event_among_events_of_a_custom_schema_stays_what_it_is():
    owed = read_owed(a_delivery(a_cloud_event()), "CustomInputSchema")
    assert (owed.sent, owed.schema) == (as_bytes(a_cloud_event()), "CloudEventSchemaV1_0")
