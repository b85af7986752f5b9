"""Probation (§5.4), and a day of retries on a clock of its own."""

from datetime import timedelta

import pytest

from router.delivery.probation import FAILING_AFTER, GOOD, PROBATION_SECONDS, Conduct, is_overload
from router.delivery.settle import Done, GiveUp, TryAgain, settle
from router.handlers.outcome import Delivered, Failed, Rejected
from tests.builders import NOON, a_delivery
from topics.subscriptions import RetryPolicy

DELIVERED = Delivered(200, 1.0)


def failed(why: str, status: int | None = None) -> Failed:
    return Failed(status, why, 1.0)


def after(conduct: Conduct, outcome, times: int, now: float = 0.0) -> Conduct:
    for _ in range(times):
        conduct = conduct.after(outcome, now)
    return conduct


@pytest.mark.parametrize(("why", "seconds"), [*PROBATION_SECONDS.items(), ("GenericError", 10.0)])
def test_ten_failures_in_a_row_are_probation_for_the_time_of_the_table(why, seconds):
    conduct = after(GOOD, failed(why), FAILING_AFTER - 1)
    assert conduct.standing(0.0) == "open"
    conduct = conduct.after(failed(why), 100.0)
    assert conduct.standing(100.0 + seconds - 0.001) == "on probation"
    assert conduct.standing(100.0 + seconds) == "to be probed"


def test_one_success_among_them_begins_the_count_anew():
    conduct = after(GOOD, failed("Busy"), FAILING_AFTER - 1).after(DELIVERED, 0.0)
    assert after(conduct, failed("Busy"), FAILING_AFTER - 1).standing(0.0) == "open"


def test_what_was_under_way_when_probation_began_makes_it_no_longer():
    conduct = after(GOOD, failed("Busy"), FAILING_AFTER)
    assert after(conduct, failed("NotFound"), 50, now=5.0).standing(10.0) == "to be probed"


def test_a_probe_that_fails_is_probation_again_and_one_that_succeeds_opens():
    conduct = after(GOOD, failed("Busy"), FAILING_AFTER)
    assert conduct.after(failed("SocketError"), 10.0).standing(39.0) == "on probation"
    assert conduct.after(DELIVERED, 10.0) == GOOD


@pytest.mark.parametrize(("asked", "seconds"), [(1, 10.0), (60, 60.0), (86_400, 600.0)])
def test_an_endpoint_on_probation_is_left_alone_for_as_long_as_it_asks_within_bounds(asked, seconds):
    busy = Failed(429, "Busy", 1.0, retry_after=timedelta(seconds=asked))
    conduct = after(GOOD, busy, FAILING_AFTER)
    assert conduct.standing(seconds - 0.001) == "on probation"
    assert conduct.standing(seconds) == "to be probed"


@pytest.mark.parametrize(
    ("why", "standing"), [("BadRequest", "open"), ("PayloadTooLarge", "open"), ("Forbidden", "on probation")]
)
def test_refusing_an_event_is_no_failure_of_the_endpoint_but_refusing_us_is(why, standing):
    assert after(GOOD, Rejected(400, why, 1.0), FAILING_AFTER).standing(0.0) == standing


@pytest.mark.parametrize(
    ("outcome", "overload"),
    [
        (failed("Busy", 429), True),
        (failed("GenericError", 500), True),
        (failed("Busy", 503), True),
        (failed("TimedOut"), True),
        (failed("TimedOut", 408), True),
        (failed("NotFound", 404), False),
        (failed("SocketError"), False),
        (DELIVERED, False),
        (Rejected(400, "BadRequest", 1.0), False),
    ],
)
def test_429_server_errors_and_timeouts_are_signs_of_overload(outcome, overload):
    assert is_overload(outcome) is overload


@pytest.mark.parametrize(
    ("policy", "attempts", "reason"),
    [
        (RetryPolicy(), 11, "TimeToLiveExceeded"),
        (RetryPolicy(max_delivery_attempts=3), 3, "MaxDeliveryAttemptsExceeded"),
        (RetryPolicy(max_delivery_attempts=10, event_time_to_live_minutes=30), 6, "TimeToLiveExceeded"),
        (RetryPolicy(max_delivery_attempts=1), 1, "MaxDeliveryAttemptsExceeded"),
    ],
)
def test_a_day_of_failures_walked_on_a_virtual_clock(policy, attempts, reason):
    now, delivery, waits = NOON, a_delivery(), []
    while True:
        match settle(delivery, failed("GenericError", 500), policy, now, 0.0):
            case TryAgain(again, wait):
                waits.append(wait)
                now, delivery = now + wait, again
            case GiveUp() as given_up:
                break
            case Done():
                raise AssertionError
    assert (given_up.reason, given_up.attempts) == (reason, attempts)
    assert now - NOON <= timedelta(hours=24)
    schedule = [10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200]
    assert [wait.total_seconds() for wait in waits] == schedule[: attempts - 1]
