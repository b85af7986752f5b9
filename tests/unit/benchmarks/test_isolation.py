"""What the isolation benchmark makes of latencies, and of moments in which a processor stood still."""

import pytest

from benchmarks.isolation_phases import WELL, Latencies, Phase, changes_of_well, compared
from benchmarks.steal import Moments


def phase(mode, milliseconds, stolen=()):
    """A phase whose deliveries arrived a second apart and took so long each."""
    latencies = Latencies()
    latencies.record([(number, taken / 1000) for number, taken in enumerate(milliseconds)], Moments(stolen))
    return Phase(mode, latencies, lost=0, owed_to_bad=0, worker_cpu=0.3, stolen=0.01)


def test_moments_that_overlap_are_one():
    moments = Moments([(5.0, 6.0), (1.0, 2.0), (1.5, 3.0)])
    assert moments.within(0, 10) == pytest.approx(3.0)
    assert moments.within(2.5, 5.5) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("begin", "end", "touched"),
    [(0.0, 0.9, False), (0.0, 1.0, True), (1.2, 1.3, True), (0.5, 9.0, True), (2.1, 4.9, False), (6.1, 9.0, False)],
)
def test_a_delivery_is_disturbed_when_a_processor_stood_still_while_it_was_under_way(begin, end, touched):
    assert Moments([(1.0, 2.0), (5.0, 6.0)]).touch(begin, end) is touched


def test_without_any_moment_nothing_is_disturbed():
    assert not Moments([]).touch(0, 1e9)


def test_a_phase_is_compared_with_the_well_ones_around_it_taken_together():
    found = compared(phase(WELL, [10] * 50), phase("dead", [30] * 100), phase(WELL, [20] * 50))
    assert found["well_p99_ms"] == pytest.approx(20, rel=0.01)
    assert found["change"] == pytest.approx(0.5, abs=0.01)
    assert found["samples"] == 100


def test_disturbed_deliveries_count_only_among_all():
    stolen = [(4.99, 4.995)]
    found = compared(phase(WELL, [10] * 9), phase("dead", [10] * 5 + [90] + [10] * 3, stolen), phase(WELL, [10] * 9))
    assert found["p99_ms"] == pytest.approx(90, rel=0.01)
    assert found["p99_ms_undisturbed"] == pytest.approx(10, rel=0.01)
    assert found["change_undisturbed"] == pytest.approx(0)
    assert (found["samples"], found["samples_undisturbed"]) == (9, 8)


def test_each_well_phase_but_the_outer_two_is_compared_with_its_neighbours():
    changes = changes_of_well([phase(WELL, [10]), phase(WELL, [15]), phase(WELL, [10]), phase(WELL, [10])])
    assert [one["change"] for one in changes] == pytest.approx([0.5, -1 / 3], abs=0.01)
