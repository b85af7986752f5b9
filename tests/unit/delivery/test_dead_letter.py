"""The event of a dead letter (§5.9)."""

import json

import pytest

from router.delivery.dead_letter import dead_letter_value
from router.delivery.settle import GiveUp
from tests.builders import NOON, a_cloud_event, an_event, as_bytes
from topics.dead_letters import DeadLetter

GIVEN_UP = GiveUp("MaxDeliveryAttemptsExceeded", 3, "NotFound")


def test_the_events_own_bytes_come_first_and_unchanged():
    event = as_bytes(an_event(data={"big": 12345678901234567890, "text": "\u00fc"}))
    value = dead_letter_value(event, "EventGridSchema", GIVEN_UP, published=NOON, last_attempt=NOON)
    assert value.startswith(event[:-1] + b",")
    assert json.loads(value) == json.loads(event) | {
        "deadLetterReason": "MaxDeliveryAttemptsExceeded",
        "deliveryAttempts": 3,
        "lastDeliveryOutcome": "NotFound",
        "publishTime": "2025-10-20T12:00:00Z",
        "lastDeliveryAttemptTime": "2025-10-20T12:00:00Z",
    }
    assert DeadLetter.model_validate_json(value).publish_time == NOON


def test_a_cloud_events_fields_are_in_lower_case():
    event = as_bytes(a_cloud_event())
    value = dead_letter_value(event, "CloudEventSchemaV1_0", GIVEN_UP, published=NOON, last_attempt=NOON)
    added = json.loads(value).keys() - json.loads(event).keys()
    assert added == {
        "deadletterreason",
        "deliveryattempts",
        "lastdeliveryoutcome",
        "publishtime",
        "lastdeliveryattempttime",
    }


@pytest.mark.parametrize("event", [b"{}", b" { } \r\n", b'{"a":{}}', b'{"a":"{"} ', b'{"a":[{}] }'])
def test_any_object_stays_an_object(event):
    value = dead_letter_value(event, "EventGridSchema", GIVEN_UP, published=NOON, last_attempt=NOON)
    assert json.loads(event).items() <= json.loads(value).items()
