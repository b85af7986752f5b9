"""What becomes of a delivery, given its subscription."""

from datetime import timedelta

import pytest

from router.delivery.standing import VIEW_DELAY, Deliver, Drop, Wait, standing_of
from tests.builders import NOON, a_delivery, a_subscription, a_webhook

SINK = a_webhook()
WEBHOOK = a_subscription(sink=SINK)


def standing(subscription, delivery=None, age=timedelta()):
    return standing_of(subscription, delivery or a_delivery(), written=NOON - age, now=NOON)


@pytest.mark.parametrize("state", ["Succeeded", "Updating"])
def test_a_live_subscription_gets_its_deliveries(state):
    live = WEBHOOK.model_copy(update={"provisioning_state": state})
    assert standing(live) == Deliver(live, SINK)


@pytest.mark.parametrize("state", ["Creating", "AwaitingManualAction"])
def test_while_a_handshake_is_under_way_deliveries_wait(state):
    assert standing(WEBHOOK.model_copy(update={"provisioning_state": state})) == Wait()


@pytest.mark.parametrize(
    ("update", "reason"),
    [
        ({"provisioning_state": "Deleting"}, "subscription_deleted"),
        ({"provisioning_state": "Failed"}, "subscription_failed"),
        ({"provisioning_state": "Canceled"}, "subscription_failed"),
        ({"expiration": NOON}, "subscription_expired"),
        ({"sink": a_subscription().sink}, "sink_changed"),
    ],
)
def test_what_nobody_wants_any_more_is_dropped(update, reason):
    assert standing(WEBHOOK.model_copy(update=update)) == Drop(reason)


def test_an_expiration_to_come_changes_nothing():
    subscription = WEBHOOK.model_copy(update={"expiration": NOON + timedelta(seconds=1)})
    assert standing(subscription) == Deliver(subscription, SINK)


def test_an_unknown_subscription_may_be_very_new():
    assert standing(None) == Wait()


def test_an_unknown_subscription_of_an_old_delivery_is_gone():
    assert standing(None, age=VIEW_DELAY) == Drop("subscription_deleted")


def test_a_subscription_that_is_unknown_after_waiting_is_gone():
    assert standing(None, a_delivery(due=NOON)) == Drop("subscription_deleted")
