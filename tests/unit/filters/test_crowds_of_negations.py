"""Hundreds of subscriptions that differ in what they exclude, or in their intervals, are matched as one by one."""
# ruff: noqa: S311 (a seed makes a failure come again)

import json
from random import Random

import pytest

from router.filters.clauses import clauses_of
from router.filters.requirements import disjoint
from tests.unit.filters.evaluators import an_index
from tests.unit.filters.generated import NEGATIVE, a_neighbour, an_event
from tests.unit.filters.test_agreement import found_by, wanted_by
from topics.subscriptions import AdvancedFilter, Filter

KEYS = ("data.n", "data.s", "data.l", "data.a", "Data.N", "subject")
ALSO = (
    AdvancedFilter(operator="NumberGreaterThan", key="data.n", value=1),
    AdvancedFilter(operator="NumberLessThanOrEquals", key="data.n", value=2),
    AdvancedFilter(operator="IsNotNull", key="data.s"),
    AdvancedFilter(operator="BoolEquals", key="data.f", value=True),
)


def a_shape(random):
    """A filter of negations and intervals; its neighbours differ in the operands."""
    operators = random.choices((*NEGATIVE, "NumberInRange"), k=random.choice((1, 1, 2, 3)))
    advanced = [AdvancedFilter(operator=name, key=random.choice(KEYS), values=()) for name in operators]
    also = [*random.sample(ALSO, random.choice((0, 0, 1, 2)))]
    return Filter(
        advanced_filters=(*advanced, *also),
        enable_advanced_filtering_on_arrays=random.random() < 0.5,
        included_event_types=random.choice((None, None, ("T.a",))),
    )


def a_crowd(random, count):
    """Neighbours of a few shapes, by number."""
    shapes = [a_shape(random) for _ in range(3)]
    return {number: a_neighbour(random, random.choice(shapes)) for number in range(count)}


@pytest.mark.parametrize("seed", range(600, 612))
def test_a_crowd_finds_what_the_reference_finds_however_it_came_about(seed):
    random = Random(seed)
    bodies = [an_event(random) for _ in range(20)]
    wanted = a_crowd(random, 160)
    index = an_index(dict(list(wanted.items())[:100]))
    live, first = dict(list(wanted.items())[:100]), index.snapshot()
    found_then = found_by(first, bodies)
    assert found_then == wanted_by(live, bodies)
    for number in range(100, 160):
        gone = random.choice(list(live))
        index.remove(gone)
        del live[gone]
        index.add(number, clauses_of(wanted[number]), number)
        live[number] = wanted[number]
        if number % 20 == 0:
            assert found_by(index.snapshot(), bodies) == wanted_by(live, bodies)
    for gone in random.sample(list(live), 80):
        index.remove(gone)
        del live[gone]
    assert found_by(index.snapshot(), bodies) == wanted_by(live, bodies)
    assert found_by(first, bodies) == found_then


def test_intervals_of_one_subscription_that_meet_are_one():
    assert disjoint([(5, 7), (1, 2), (2, 3), (6, 6), (9, 8)]) == [(1, 3), (5, 7)]


@pytest.mark.parametrize("number", ["1", "2", "2.0", "3", "3.5", "4", "0", str(2**53 + 1)])
def test_both_ends_of_an_interval_belong_to_it(number):
    ranges = {
        k: Filter(
            advanced_filters=(
                AdvancedFilter(
                    operator=("NumberInRange", "NumberNotInRange")[k % 2],
                    key="data.n",
                    values=((k % 4, k % 5 + 1), (3.5, 3.5 + k), (2**53, 2**53 + k % 3)),
                ),
            )
        )
        for k in range(150)
    }
    body = b'{"id": "1", "topic": "/s", "subject": "a", "eventType": "T", "data": {"n": %s}}' % number.encode()
    assert found_by(an_index(ranges).snapshot(), [body]) == wanted_by(ranges, [body])


@pytest.mark.parametrize("width", [0, 1, 40], ids=["points", "few inside at once", "most inside at once"])
def test_who_is_inside_is_found_whether_these_are_few_or_many(width):
    random = Random(width)

    def ranges():
        starts = [random.choice((random.randint(0, 60), round(random.random() * 60, 2))) for _ in range(3)]
        return tuple((start, start + random.choice((width, width / 2))) for start in starts)

    wanted = {
        number: Filter(
            advanced_filters=(AdvancedFilter(operator="NumberInRange", key="data.n", values=ranges()),),
            enable_advanced_filtering_on_arrays=number % 7 == 0,
        )
        for number in range(400)
    }
    numbers = [*range(-1, 103, 3), *(round(random.random() * 100, 2) for _ in range(30)), [3, 30], "x", None]
    numbers += [bound for filters in list(wanted.values())[:10] for bound in filters.advanced_filters[0].values[0]]
    bodies = [
        b'{"id": "1", "topic": "/s", "subject": "a", "eventType": "T", "data": {"n": %s}}' % json.dumps(n).encode()
        for n in numbers
    ]
    index = an_index(wanted)
    assert found_by(index.snapshot(), bodies) == wanted_by(wanted, bodies)
    for gone in range(0, 400, 3):
        index.remove(gone)
        del wanted[gone]
    assert found_by(index.snapshot(), bodies) == wanted_by(wanted, bodies)
