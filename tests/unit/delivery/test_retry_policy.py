"""How long to wait before the next attempt (§5.1, §5.2)."""

from datetime import timedelta

import pytest

from router.delivery.retry_policy import delay_after

SCHEDULE = [10, 30, 60, 300, 600, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 12 * 3600, 12 * 3600]


def seconds_after(attempt, *, status=500, retry_after=None, random_fraction=0.0):
    wait = None if retry_after is None else timedelta(seconds=retry_after)
    return delay_after(attempt, status=status, retry_after=wait, random_fraction=random_fraction).total_seconds()


def test_the_schedule_is_event_grids_and_its_last_step_repeats():
    assert [seconds_after(attempt) for attempt in range(1, 13)] == SCHEDULE
    assert seconds_after(30) == 12 * 3600


@pytest.mark.parametrize(("random_fraction", "seconds"), [(0.0, 10), (0.5, 11), (1.0, 12)])
def test_jitter_only_adds_and_at_most_a_fifth(random_fraction, seconds):
    assert seconds_after(1, random_fraction=random_fraction) == seconds


@pytest.mark.parametrize(
    ("attempt", "status", "seconds"),
    [
        pytest.param(1, 503, 30, id="503: at least 30 s"),
        pytest.param(3, 503, 60, id="503: the schedule, once it is longer"),
        pytest.param(1, 408, 120, id="408: at least 2 min"),
        pytest.param(4, 408, 300, id="408: the schedule, once it is longer"),
        pytest.param(1, None, 10, id="no answer: the schedule"),
        pytest.param(1, 429, 10, id="429: the schedule"),
    ],
)
def test_some_statuses_ask_for_a_longer_wait(attempt, status, seconds):
    assert seconds_after(attempt, status=status) == seconds


@pytest.mark.parametrize(
    ("attempt", "retry_after", "seconds"),
    [
        pytest.param(1, 45, 45, id="obeyed"),
        pytest.param(1, 600, 600, id="obeyed up to 10 min"),
        pytest.param(1, 86_400, 600, id="no longer than 10 min"),
        pytest.param(1, 0, 10, id="never sooner than the schedule"),
        pytest.param(6, 60, 1800, id="never sooner than a later step either"),
    ],
)
def test_retry_after_is_obeyed_within_limits(attempt, retry_after, seconds):
    assert seconds_after(attempt, status=429, retry_after=retry_after) == seconds
