"""What waits until when, on a virtual clock."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from router.retry.schedule import PLACE_BYTES, PLACE_RECORDS, Schedule
from tests.builders import NOON


def test_nothing_comes_out_before_it_is_due():
    schedule = Schedule()
    schedule.add("p", NOON + timedelta(seconds=10), "a", 1)
    assert schedule.take_due(NOON + timedelta(seconds=9.999)) == []
    assert schedule.take_due(NOON + timedelta(seconds=10)) == [("p", "a")]


@given(st.lists(st.integers(0, 50_000)))
def test_items_come_out_when_they_are_due_and_in_that_order(seconds):
    schedule = Schedule()
    for second in seconds:
        schedule.add("p", NOON + timedelta(seconds=second), second, 1)
    taken, clock = [], 0
    while len(schedule):
        clock += 1_000
        due = [item for _place, item in schedule.take_due(NOON + timedelta(seconds=clock))]
        assert all(clock - 1_000 < item <= clock or item == 0 for item in due)
        taken += due
    assert taken == sorted(seconds)


def test_items_due_at_the_same_time_keep_their_order():
    schedule = Schedule()
    for item in "abc":
        schedule.add("p", NOON, item, 1)
    assert [item for _place, item in schedule.take_due(NOON)] == ["a", "b", "c"]


def test_a_place_is_full_when_enough_of_it_waits_and_others_are_not():
    schedule = Schedule()
    for number in range(PLACE_RECORDS):
        schedule.add("many", NOON, number, 1)
    schedule.add("large", NOON, "large", PLACE_BYTES)
    assert schedule.is_full("many")
    assert schedule.is_full("large")
    assert not schedule.is_full("other")
    schedule.take_due(NOON)
    assert not schedule.is_full("many")
    assert not schedule.is_full("large")


def test_after_clearing_nothing_waits_and_nothing_is_full():
    schedule = Schedule()
    schedule.add("p", NOON, "a", PLACE_BYTES)
    schedule.clear()
    assert not schedule.is_full("p")
