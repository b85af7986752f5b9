"""What follows from an attempt."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from router.delivery.settle import Done, GiveUp, TryAgain, is_expired, settle, within_life
from router.handlers.outcome import Delivered, Failed, Rejected
from tests.builders import NOON, a_delivery
from topics.subscriptions import RetryPolicy

DELIVERED = Delivered(200, 12.5)
FAILED = Failed(500, "GenericError", 12.5)
REJECTED = Rejected(400, "BadRequest", 12.5)
SOON = NOON + timedelta(seconds=1)


@pytest.mark.parametrize(
    ("attempt", "outcome", "policy", "expected"),
    [
        pytest.param(1, DELIVERED, RetryPolicy(), Done(), id="delivered: nothing left to do"),
        pytest.param(30, DELIVERED, RetryPolicy(), Done(), id="delivered at the last attempt: nothing left to do"),
        pytest.param(
            1,
            REJECTED,
            RetryPolicy(),
            GiveUp("UndeliverableDueToClientError", 1, "BadRequest"),
            id="rejected: never again",
        ),
        pytest.param(
            30,
            FAILED,
            RetryPolicy(),
            GiveUp("MaxDeliveryAttemptsExceeded", 30, "GenericError"),
            id="failed once too often: give up",
        ),
        pytest.param(
            1,
            FAILED,
            RetryPolicy(max_delivery_attempts=1),
            GiveUp("MaxDeliveryAttemptsExceeded", 1, "GenericError"),
            id="failed with one attempt allowed: give up",
        ),
        pytest.param(
            31,
            FAILED,
            RetryPolicy(),
            GiveUp("MaxDeliveryAttemptsExceeded", 31, "GenericError"),
            id="failed after the limit was lowered: give up",
        ),
    ],
)
def test_what_follows_from_an_outcome(attempt, outcome, policy, expected):
    assert settle(a_delivery(attempt=attempt), outcome, policy, SOON, 0.0) == expected


def test_a_failed_attempt_is_made_again_when_it_is_due():
    again = settle(a_delivery(), FAILED, RetryPolicy(), SOON, 0.0)
    due = SOON + timedelta(seconds=10)
    assert again == TryAgain(
        replace(a_delivery(), attempt=2, due=due, last_outcome="GenericError"), timedelta(seconds=10)
    )


def test_time_to_live_is_looked_at_when_the_next_attempt_would_be_due():
    policy = RetryPolicy(event_time_to_live_minutes=1)
    in_time = settle(a_delivery(), FAILED, policy, NOON + timedelta(seconds=50), 0.0)
    too_late = settle(a_delivery(), FAILED, policy, NOON + timedelta(seconds=50.001), 0.0)
    assert isinstance(in_time, TryAgain)
    assert too_late == GiveUp("TimeToLiveExceeded", 1, "GenericError")


def test_a_clock_thousands_of_years_ahead_ends_no_stage():
    """The time of a record of the source topic is its publisher's to choose."""
    late = replace(a_delivery(), first_published=datetime(9999, 12, 31, 23, 59, tzinfo=UTC))
    assert isinstance(settle(late, FAILED, RetryPolicy(), NOON, 0.0), TryAgain)
    assert not is_expired(replace(late, due=NOON), RetryPolicy(), NOON)


def test_ten_attempts_within_half_an_hour_are_at_most_six():
    """The example of Microsoft's page (§5.3)."""
    policy = RetryPolicy(max_delivery_attempts=10, event_time_to_live_minutes=30)
    *_, (last, settlement) = walk(policy)
    assert (last, settlement) == (6, GiveUp("TimeToLiveExceeded", 6, "GenericError"))


def test_a_day_of_failures_walks_through_the_whole_schedule():
    steps = list(walk(RetryPolicy()))
    waits = [settlement.wait for _attempt, settlement in steps if isinstance(settlement, TryAgain)]
    minutes = [wait.total_seconds() / 60 for wait in waits]
    assert minutes == [1 / 6, 0.5, 1, 5, 10, 30, 60, 180, 360, 720]
    assert steps[-1] == (11, GiveUp("TimeToLiveExceeded", 11, "GenericError"))


def test_a_day_of_failures_with_jitter_ends_within_the_day():
    due = [s.delivery.due for _attempt, s in walk(RetryPolicy(), random_fraction=1.0) if isinstance(s, TryAgain)]
    assert due == sorted(due)
    assert due[-1] <= NOON + timedelta(days=1)


def walk(policy, random_fraction=0.0):
    """Fail every attempt at once when it is due; give each settlement, on a virtual clock."""
    delivery, now = a_delivery(), NOON
    while True:
        settlement = settle(delivery, FAILED, policy, now, random_fraction)
        yield delivery.attempt, settlement
        if not isinstance(settlement, TryAgain):
            return
        delivery, now = settlement.delivery, settlement.delivery.due


@pytest.mark.parametrize(
    ("delivery", "minutes", "expected"),
    [
        pytest.param(a_delivery(attempt=2, due=NOON), 61, True, id="a retry after its time"),
        pytest.param(a_delivery(attempt=2, due=NOON), 60, False, id="a retry in time"),
        pytest.param(a_delivery(due=NOON), 61, True, id="one that only waited, after its time"),
        pytest.param(a_delivery(), 61, False, id="a first attempt is always made"),
    ],
)
def test_a_delivery_that_waited_too_long_is_expired(delivery, minutes, expected):
    policy = RetryPolicy(event_time_to_live_minutes=60)
    assert is_expired(delivery, policy, NOON + timedelta(minutes=minutes)) is expected


@pytest.mark.parametrize(("left", "wait"), [(3600, 900), (905, 895), (100, 90), (15, 10), (0, 10), (-500, 10)])
def test_what_waits_for_its_endpoint_is_back_before_its_life_ends(left, wait):
    now = NOON + timedelta(minutes=1440, seconds=-left)
    assert within_life(timedelta(minutes=15), a_delivery(), RetryPolicy(), now) == timedelta(seconds=wait)
