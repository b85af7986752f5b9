"""First one, then a tenth, then all; and no further when they fail again."""

from datetime import timedelta

import pytest

from router.history.canary import PATIENCE, Finish, Send, Standing, Wait, next_step
from tests.builders import NOON

LATER = NOON + PATIENCE + timedelta(seconds=1)


def step(now=NOON, **standing):
    return next_step(Standing(**standing), NOON, now)


def sizes(total, **more):
    standing, found = Standing(total, **more), []
    while isinstance(following := next_step(standing, NOON, NOON), Send):
        found.append(following.count)
        standing = Standing(total, standing.sent + following.count, delivered=standing.sent + following.count, **more)
    assert isinstance(following, Finish)
    return found


@pytest.mark.parametrize(
    ("total", "steps"), [(0, []), (1, [1]), (2, [1, 1]), (10, [1, 9]), (11, [1, 1, 9]), (1000, [1, 99, 900])]
)
def test_one_then_a_tenth_then_all(total, steps):
    assert sizes(total) == steps


def test_without_canary_all_go_at_once():
    assert sizes(1000, canary=False) == [1000]


def test_outcomes_are_waited_for():
    assert step(total=100, sent=1) == Wait()


def test_a_failure_stops_what_was_not_sent():
    finish = step(total=100, sent=10, delivered=8, failed=1)
    assert (finish.state, finish.detail) == ("stopped", "1 of 10 failed again; the others were not sent")


def test_no_outcome_in_time_stops_what_was_not_sent():
    assert step(LATER, total=100, sent=1).state == "stopped"


def test_after_the_last_step_failures_are_told_and_the_rest_is_waited_for():
    assert step(total=10, sent=10, delivered=8, failed=1) == Wait()
    assert step(total=10, sent=10, delivered=9, failed=1) == Finish(
        "completed", "9 of 10 delivered, 1 failed again: tried on by the retry schedule, or dead letters once more"
    )
    assert step(LATER, total=10, sent=10, delivered=9) == Finish(
        "completed", "9 of 10 delivered, 1 have no outcome yet"
    )


def test_those_that_cannot_be_delivered_prove_nothing():
    assert step(total=100, sent=1, skipped=1) == Send(1)
    assert step(total=1, sent=1, skipped=1) == Finish("completed", "0 of 1 delivered, 1 cannot be delivered any more")
