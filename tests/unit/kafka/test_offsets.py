"""What may be committed when records end out of order."""

from hypothesis import given
from hypothesis import strategies as st

from router.kafka.offsets import Offsets


def test_nothing_may_be_committed_before_anything_was_read():
    assert Offsets().committable is None


def test_only_what_stands_before_the_first_gap_may_be_committed():
    offsets = Offsets()
    for offset in (5, 6, 7):
        assert offsets.begin(offset)
    offsets.finish(6)
    assert offsets.committable == 5
    offsets.finish(5)
    assert offsets.committable == 7
    offsets.finish(7)
    assert offsets.committable == 8


def test_offsets_that_do_not_exist_are_no_gap():
    offsets = Offsets()
    for offset in (5, 9):
        offsets.begin(offset)
    offsets.finish(5)
    assert offsets.committable == 9
    offsets.finish(9)
    offsets.skip_to(12)
    assert offsets.committable == 12


def test_skipping_does_not_pass_what_is_not_finished():
    offsets = Offsets()
    offsets.begin(5)
    offsets.skip_to(9)
    assert offsets.committable == 5


def test_a_record_that_comes_again_is_not_begun_again():
    offsets = Offsets()
    assert offsets.begin(5)
    assert not offsets.begin(5)
    assert not offsets.begin(4)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_whatever_the_order_nothing_unfinished_is_ever_passed(gaps, random):
    places = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    offsets, begun, finished = Offsets(), [], set()
    remaining = list(places)
    while remaining or len(finished) < len(places):
        running = [offset for offset in begun if offset not in finished]
        if remaining and (not running or random.random() < 0.5):
            begun.append(remaining.pop(0))
            assert offsets.begin(begun[-1])
        else:
            offset = random.choice(running)
            finished.add(offset)
            offsets.finish(offset)
        open_ = [offset for offset in begun if offset not in finished]
        assert offsets.committable == (open_[0] if open_ else begun[-1] + 1)
    assert len(offsets) == 0
