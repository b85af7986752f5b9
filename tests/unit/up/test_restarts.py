"""How long a part that ended waits for its restart."""

from router.up.restarts import HEALTHY_SECONDS, LONGEST_PAUSE_SECONDS, MANY_WITHIN_SECONDS, RestartPolicy


def pauses(policy: RestartPolicy, count: int, *, lived_seconds: float = 0.0) -> list[float]:
    return [policy.ended(number, lived_seconds=lived_seconds).pause_seconds for number in range(count)]


def test_the_first_restart_is_at_once():
    assert pauses(RestartPolicy(), 1) == [0.0]


def test_pauses_grow_up_to_a_limit():
    assert pauses(RestartPolicy(), 7) == [0.0, 0.5, 1.0, 2.0, 3.0, 3.0, 3.0]


def test_with_the_start_itself_a_part_is_back_within_five_seconds():
    assert LONGEST_PAUSE_SECONDS < 5


def test_one_that_lived_a_while_is_started_at_once_again():
    policy = RestartPolicy()
    pauses(policy, 5)

    assert pauses(policy, 3, lived_seconds=HEALTHY_SECONDS) == [0.0, 0.0, 0.0]


def test_the_fifth_end_within_a_minute_is_trouble_and_then_the_tenth():
    policy = RestartPolicy()

    assert [policy.ended(n, lived_seconds=0).keeps_ending for n in range(10)] == ([False] * 4 + [True]) * 2


def test_rare_ends_are_no_trouble():
    policy = RestartPolicy()

    assert not any(policy.ended(n * MANY_WITHIN_SECONDS, lived_seconds=30).keeps_ending for n in range(20))
