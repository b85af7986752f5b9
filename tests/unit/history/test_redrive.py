"""A dead letter becomes the delivery that it was."""

import pytest

from router.delivery.dead_letter import dead_letter_value
from router.delivery.settle import GiveUp
from router.history.redrive import without_reasons
from tests.builders import NOON, a_cloud_event, an_event, as_bytes

GIVEN_UP = GiveUp("MaxDeliveryAttemptsExceeded", 30, "Busy")
SCHEMAS = [(an_event(), "EventGridSchema"), (a_cloud_event(), "CloudEventSchemaV1_0")]


def died(event: bytes, schema: str) -> bytes:
    return dead_letter_value(event, schema, GIVEN_UP, published=NOON, last_attempt=NOON)


@pytest.mark.parametrize(("event", "schema"), SCHEMAS)
def test_the_event_of_a_dead_letter_is_what_was_published_byte_for_byte(event, schema):
    published = as_bytes(event)
    assert without_reasons(died(published, schema)) == published


@pytest.mark.parametrize(("event", "schema"), SCHEMAS)
def test_an_event_that_was_a_dead_letter_before_keeps_the_reasons_of_that_time(event, schema):
    """Whoever reads dead letters may publish them again, to somebody who looks into why they died."""
    published = died(as_bytes(event), schema)
    assert without_reasons(died(published, schema)) == published
    assert without_reasons(died(died(published, schema), schema)) == died(published, schema)


def test_a_text_that_looks_like_the_reasons_is_left_alone():
    published = as_bytes(an_event(data={"text": ',"deadLetterReason":"x","deliveryAttempts":1}'}))
    assert without_reasons(died(published, "EventGridSchema")) == published
