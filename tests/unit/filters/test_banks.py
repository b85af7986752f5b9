"""The banks of the matching benchmark: events and totals are those of the reference document, and the engine finds them."""

import pytest

from benchmarks.matching_banks import as_bytes, banks, events, filter_of, naive_ids
from router.events.envelope import read_envelope
from tests.unit.filters.evaluators import an_index

# To make them all takes seconds, on a busy machine many.
pytestmark = pytest.mark.timeout(300)

NAMES = ("mix", "coarse", "varprefix", "tworange")
"""One of each kind; `python -m benchmarks matching` checks them all."""

SIZE = 1_000


@pytest.fixture(scope="module")
def bank_named():
    """Every bank, by name."""
    return {bank.name: bank for bank in banks()}


@pytest.fixture(scope="module")
def stream():
    """The events, their envelopes and bodies."""
    parsed = events()
    bodies = [as_bytes(event) for event in parsed]
    return parsed, [read_envelope(body, []) for body in bodies], bodies


def test_the_events_are_those_of_the_definition(stream):
    _, _, bodies = stream
    assert (len(bodies), sum(len(body) + 1 for body in bodies)) == (20_000, 18_849_431)


@pytest.mark.parametrize("name", NAMES)
def test_a_bank_matches_as_often_as_is_laid_down_and_as_a_naive_evaluator_finds(name, bank_named, stream):
    parsed, envelopes, bodies = stream
    rules = bank_named[name].rules[SIZE]
    index = an_index({number: filter_of(rule) for number, rule in enumerate(rules)})
    found = index.snapshot().match(envelopes, bodies)
    assert sum(map(len, found)) == bank_named[name].totals[SIZE]
    assert [sorted(ids) for ids in found[:10]] == naive_ids(rules, parsed[:10])
