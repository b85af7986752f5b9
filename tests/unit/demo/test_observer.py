"""Records of the router's topics become what the demo has seen."""

from router.demo.board import Attempted, GivenUp, Postponed, Written
from router.demo.observer import FIRST_RETRIES, observe
from tests.builders import NOON, WORKSPACE, a_cloud_event, a_delivery, an_event, as_bytes, event_headers
from topics import DeliveryAttempt

BROKEN = f"{WORKSPACE}/providers/Microsoft.EventGrid/eventSubscriptions/broken"
WISHES = {"subscriber.models": "models"}
DEAD = {
    "deadLetterReason": "MaxDeliveryAttemptsExceeded",
    "deliveryAttempts": 2,
    "lastDeliveryOutcome": "GenericError",
    "publishTime": "2025-10-20T12:00:00Z",
    "lastDeliveryAttemptTime": "2025-10-20T12:00:10Z",
}


def test_a_record_on_a_subscribers_topic_was_written():
    event = an_event(id="7")
    assert observe("subscriber.models", None, as_bytes(event), event_headers(event), WISHES) == Written("models", "7")


def test_an_attempt_is_told_with_its_outcome():
    record = DeliveryAttempt(
        delivery_id="d",
        event_id="7",
        event_type="t",
        subscription=BROKEN,
        attempt=2,
        at=NOON,
        outcome="failed",
        status=500,
        duration_ms=3.5,
        detail="",
    )
    assert observe("router.attempts", None, record.encode(), [], WISHES) == Attempted("broken", "7", 2, "failed", 500)


def test_a_retry_is_told_with_its_time():
    event = an_event(id="7")
    delivery = a_delivery(event, subscription_id=BROKEN, attempt=2, due=NOON)
    assert observe(FIRST_RETRIES, None, delivery.event, delivery.headers(), WISHES) == Postponed("broken", "7", NOON)


def test_dead_letters_of_both_schemas_are_told():
    given_up = GivenUp("broken", "7", "MaxDeliveryAttemptsExceeded", 2)
    grid = an_event(id="7") | DEAD
    cloud = a_cloud_event(id="7") | {name.lower(): value for name, value in DEAD.items()}
    for event in (grid, cloud):
        assert observe("router.dead-letters", BROKEN.encode(), as_bytes(event), [], WISHES) == given_up
