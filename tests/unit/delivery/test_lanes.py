"""Lanes: nobody is held up by another's endpoint."""

from collections import Counter
from heapq import heappop, heappush

import pytest

from router.delivery.concurrency import FIRST
from router.delivery.lanes import (
    ALL_BYTES,
    ALL_WAITING,
    IN_FLIGHT_LIMIT,
    LANE_BYTES,
    LANE_IN_FLIGHT_LEAST,
    LANE_LEAST,
    LANE_SECONDS,
    PACE_SECONDS,
    Lanes,
)
from router.delivery.probation import FAILING_AFTER, PROBATION_SECONDS
from router.handlers.outcome import Delivered, Failed

LANE_IN_FLIGHT_LIMIT = FIRST
DELIVERED = Delivered(200, 1.0)
NOT_FOUND = Failed(404, "NotFound", 1.0)
BUSY = Failed(503, "Busy", 1.0)


def fill(lanes, key, count, now=0.0):
    for number in range(count):
        assert lanes.offer(key, (key, number), 100, now) is None


def send_all(lanes, now=0.0):
    turns = []
    while (turn := lanes.next(now)) is not None:
        turns.append(turn)
    return turns


def test_items_of_a_lane_go_out_in_their_order():
    lanes = Lanes()
    fill(lanes, "a", 3)
    assert [turn.item for turn in send_all(lanes)] == [("a", 0), ("a", 1), ("a", 2)]


def test_a_lane_has_so_much_under_way_and_no_more_until_something_ends():
    lanes = Lanes()
    fill(lanes, "a", LANE_IN_FLIGHT_LIMIT + 5)
    turns = send_all(lanes)
    assert len(turns) == LANE_IN_FLIGHT_LIMIT
    lanes.finished(turns[0], 1.0, NOT_FOUND)
    assert [turn.item for turn in send_all(lanes)] == [("a", LANE_IN_FLIGHT_LIMIT)]


def test_an_endpoint_that_keeps_up_gets_more_at_once_and_half_as_much_when_it_has_too_much():
    lanes = Lanes()
    fill(lanes, "a", 1_000)
    turns = send_all(lanes)
    lanes.finished(turns.pop(), 1.0, DELIVERED)
    assert turns[0].lane.limit(1.0) == LANE_IN_FLIGHT_LIMIT + 1
    for turn in turns[:5]:
        lanes.finished(turn, 1.0, BUSY)
    assert turns[0].lane.limit(1.0) == (LANE_IN_FLIGHT_LIMIT + 1) // 2


def test_lanes_take_turns():
    lanes = Lanes()
    for key in "abc":
        fill(lanes, key, 3)
    assert "".join(turn.item[0] for turn in send_all(lanes)) == "abcabcabc"


def test_a_lane_that_is_stuck_leaves_room_for_the_others():
    lanes = Lanes()
    fill(lanes, "stuck", 200)
    send_all(lanes)
    fill(lanes, "alive", 10, now=25.0)
    assert Counter(turn.item[0] for turn in send_all(lanes)) == {"alive": 10}


def test_all_lanes_together_have_a_limit():
    lanes = Lanes()
    for number in range(2 * IN_FLIGHT_LIMIT // LANE_IN_FLIGHT_LEAST):
        fill(lanes, str(number), LANE_IN_FLIGHT_LIMIT)
    assert len(send_all(lanes)) == IN_FLIGHT_LIMIT == lanes.in_flight


def test_many_endpoints_that_hang_leave_room_for_one_that_does_not():
    lanes = Lanes()
    for number in range(100):
        fill(lanes, f"hangs {number}", 2 * LANE_IN_FLIGHT_LIMIT)
    hanging = send_all(lanes)
    assert len(hanging) < IN_FLIGHT_LIMIT
    fill(lanes, "alive", 100)
    assert Counter(turn.item[0] for turn in send_all(lanes))["alive"] >= LANE_IN_FLIGHT_LEAST


def test_a_rate_is_kept():
    lanes = Lanes()
    fill(lanes, "a", 1_000)
    (first, *others) = send_all(lanes)
    first.lane.rate = 10.0
    for turn in [first, *others]:
        lanes.finished(turn, 0.0, DELIVERED)
    sent = []
    for tick in range(1, 101):
        for turn in send_all(lanes, tick / 10):
            sent.append(tick)
            lanes.finished(turn, tick / 10, DELIVERED)
    assert 98 <= len(sent) <= 103
    assert lanes.next_pause_ends(10.0) == pytest.approx(10.1, abs=0.2)


def test_what_goes_along_is_bounded_by_number_and_size():
    lanes = Lanes()
    fill(lanes, "a", 10)
    turn = lanes.next(0.0)
    assert lanes.more(turn, 3, 10_000) == [("a", 1), ("a", 2), ("a", 3)]
    assert lanes.more(turn, 100, 250) == [("a", 4), ("a", 5)]
    assert lanes.waiting == 4
    assert lanes.in_flight == 1


def test_a_million_deliveries_to_ten_thousand_endpoints_that_hang_are_held_within_bounds():
    lanes = Lanes()
    parked = 0
    for number in range(1_000_000):
        if lanes.is_full or lanes.offer(str(number % 10_000), number, 1_000, now=3.0) is not None:
            parked += 1
    send_all(lanes, 3.0)
    assert lanes.in_flight <= IN_FLIGHT_LIMIT
    assert lanes.waiting <= ALL_WAITING
    assert lanes.bytes <= ALL_BYTES
    assert parked >= 1_000_000 - ALL_WAITING - IN_FLIGHT_LIMIT


def test_a_stuck_lane_takes_little_and_the_others_as_before():
    lanes = Lanes()
    fill(lanes, "stuck", LANE_IN_FLIGHT_LIMIT)
    send_all(lanes)
    fill(lanes, "stuck", LANE_LEAST)
    assert lanes.offer("stuck", "one too many", 100, now=PACE_SECONDS) is not None
    assert lanes.offer("quick", "welcome", 100, now=PACE_SECONDS) is None


def test_a_lane_takes_as_much_as_its_endpoint_can_take_in_a_while():
    lanes = Lanes()
    fill(lanes, "a", 10_000)
    turns = send_all(lanes)
    for tick in range(1, 401):
        lanes.finished(turns.pop(0), tick / 100, DELIVERED)
        turns += send_all(lanes, tick / 100)
    lane = turns[0].lane
    assert lane.capacity(4.0) == pytest.approx(100 * LANE_SECONDS, rel=0.01)


def test_a_burst_on_a_lane_that_was_idle_says_nothing_of_its_endpoint():
    lanes = Lanes()
    for moment in range(100):
        fill(lanes, "a", 1, now=float(moment))
        (turn,) = send_all(lanes)
        lanes.finished(turn, moment + 0.1, DELIVERED)
    fill(lanes, "a", 5_000, now=100.0)
    assert lanes.waiting == 5_000


def test_a_lane_that_became_slow_gives_up_its_newest():
    lanes = Lanes()
    fill(lanes, "a", 1_000)
    turns = send_all(lanes)
    lanes.finished(turns[0], 30.0, NOT_FOUND)
    taken = lanes.overflow(turns[0].lane, 30.0)
    assert taken == [("a", number) for number in range(LANE_IN_FLIGHT_LIMIT + LANE_LEAST, 1_000)]
    assert lanes.waiting == LANE_LEAST


def test_an_endpoint_that_keeps_failing_is_left_alone_then_tried_with_one_until_it_succeeds():
    lanes = Lanes()
    fill(lanes, "a", 200)
    turns = send_all(lanes)
    for turn in turns:
        lanes.finished(turn, 0.0, NOT_FOUND)
    lane = turns[0].lane
    assert send_all(lanes, 299.0) == []
    assert len(lanes.overflow(lane, 0.0)) == 200 - LANE_IN_FLIGHT_LIMIT
    assert lanes.offer("a", "to be parked", 100, 299.0) is lane
    assert lane.held_for(100.0) == 200.0
    fill(lanes, "a", 100, now=300.0)
    (probe,) = send_all(lanes, 300.0)
    lanes.finished(probe, 301.0, DELIVERED)
    assert len(send_all(lanes, 301.0)) >= LANE_IN_FLIGHT_LIMIT


def test_an_attempt_that_was_not_made_is_no_failure():
    lanes = Lanes()
    fill(lanes, "a", 1)
    (turn,) = send_all(lanes)
    lanes.finished(turn, 60.0, None)
    assert turn.lane.conduct.failures == 0


def test_large_items_fill_a_lane_by_their_bytes():
    lanes = Lanes()
    half = LANE_BYTES // 2
    assert lanes.offer("a", 1, half, 0.0) is None
    assert lanes.offer("a", 2, half, 0.0) is None
    assert lanes.offer("a", 3, half, 0.0) is not None


def test_reading_stops_when_too_much_waits_in_all():
    lanes = Lanes()
    for number in range(ALL_BYTES // LANE_BYTES):
        assert not lanes.is_full
        lanes.offer(str(number), number, LANE_BYTES, 0.0)
    assert lanes.is_full


def test_after_clearing_nothing_waits_and_what_is_under_way_may_end():
    lanes = Lanes()
    fill(lanes, "a", 100)
    turns = send_all(lanes)
    lanes.clear()
    assert (lanes.waiting, lanes.bytes) == (0, 0)
    lanes.finished(turns[0], 1.0, DELIVERED)
    assert send_all(lanes) == []
    fill(lanes, "a", 1)
    assert len(send_all(lanes)) == 1


@pytest.mark.parametrize("count", [1, 10])
def test_lanes_that_are_idle_cost_nothing_to_ask(count):
    lanes = Lanes()
    for number in range(count):
        fill(lanes, str(number), 1)
    for turn in send_all(lanes):
        lanes.finished(turn, 0.0, DELIVERED)
    assert lanes.next(0.0) is None
    assert (lanes.in_flight, lanes.waiting) == (0, 0)


def test_an_endpoint_that_failed_elsewhere_gets_one_first_and_the_others_once_it_takes_that():
    lanes = Lanes()
    lanes.beware("a")
    fill(lanes, "a", 50)
    (first,) = send_all(lanes)
    lanes.finished(first, 0.0, DELIVERED)
    assert len(send_all(lanes)) >= FIRST


def test_what_failed_elsewhere_and_fails_here_is_on_probation_after_one_attempt():
    lanes = Lanes()
    lanes.beware("a")
    fill(lanes, "a", 50)
    (first,) = send_all(lanes)
    lanes.finished(first, 0.0, NOT_FOUND)
    assert send_all(lanes) == []
    assert lanes.offer("a", "one more", 1, 0.0) is first.lane


def test_what_is_known_of_an_endpoint_goes_before_what_was_heard():
    lanes = Lanes()
    fill(lanes, "a", 1)
    lanes.finished(lanes.next(0.0), 0.0, DELIVERED)
    lanes.beware("a")
    fill(lanes, "a", FIRST)
    assert len(send_all(lanes)) == FIRST


def test_what_a_rate_holds_back_is_not_looked_at_again_and_again_while_something_else_does_too():
    lanes = Lanes()
    fill(lanes, "slow", 3)
    lanes.next(0.0).lane.rate = 1.0
    (turn,) = send_all(lanes, 0.0)
    due = lanes.next_pause_ends(0.0)
    assert due == turn.lane.next_at
    assert lanes.next_pause_ends(due + 5) > due + 5


@pytest.mark.parametrize("failure", [Failed(None, "SocketError", 1.0), Failed(503, "Busy", 1.0)])
def test_an_endpoint_that_stays_dead_is_probed_as_often_as_ever_while_its_backlog_travels_seldom(failure):
    """Two deliveries a second for four hours, and not one taken: what travels must not grow with what waits."""
    rate, hours = 2, 4
    lanes, parked, probes = Lanes(), Counter(), Counter()
    coming = [(number / rate, number) for number in range(hours * 3600 * rate)]
    while coming and coming[0][0] <= hours * 3600:
        now, item = heappop(coming)
        lane = lanes.offer("dead", item, 100, now)
        put_off = [] if lane is None else [item]
        while (turn := lanes.next(now)) is not None:
            lane = turn.lane
            probes[now // 3600] += 1
            lanes.finished(turn, now, failure)
            put_off += lanes.overflow(lane, now)
        for one in put_off:
            parked[now // 3600] += 1
            heappush(coming, (now + lane.parking_seconds(now), one))
    probation = PROBATION_SECONDS[failure.last_outcome]
    assert all(3600 / probation / 2 < probes[hour] <= 3600 / probation + FAILING_AFTER * 2 for hour in range(hours))
    assert all(parked[hour] < 3600 * rate * 8 for hour in range(hours))


def test_of_what_waits_elsewhere_one_is_back_when_probation_ends():
    lanes = Lanes()
    fill(lanes, "a", FAILING_AFTER)
    turns = send_all(lanes)
    for turn in turns:
        lanes.finished(turn, 0.0, NOT_FOUND)
    lane = turns[0].lane
    lane.conduct = lane.conduct.after(NOT_FOUND, 20_000.0)
    assert [lane.parking_seconds(20_100.0) for _ in range(3)] == [200.0, 3600.0, 3600.0]
    lane.conduct = lane.conduct.after(NOT_FOUND, 20_300.0)
    assert lane.parking_seconds(20_300.0) == 300.0


def test_what_waits_elsewhere_does_so_for_a_step_of_the_schedule_so_that_its_topic_stays_in_order():
    lanes = Lanes()
    lanes.beware("a")
    fill(lanes, "a", 1)
    (turn,) = send_all(lanes)
    lanes.finished(turn, 0.0, BUSY)
    waits = [turn.lane.parking_seconds(float(second)) for second in range(20, 90_000, 10)]
    assert set(waits) == {60.0, 300.0, 600.0, 1800.0, 3600.0}
    assert waits == sorted(waits)
