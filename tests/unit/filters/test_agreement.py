"""The engine finds what the plain reference finds: alone and in crowds, in batches, after changes, and when it explains."""
# ruff: noqa: S311 (a seed makes a failure come again)

import json
from itertools import pairwise, product, starmap
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from router.filters.clauses import clauses_of
from router.filters.explain import explain
from router.filters.index import Index
from router.filters.matching import REFUSALS
from tests.unit.filters import reference
from tests.unit.filters.evaluators import CLOUD_EVENT_MARK, an_index, envelope_of
from tests.unit.filters.generated import NUMBERS, OPERATORS, ORDERED, SCALARS, TEXTS, a_variant, an_event, filters_for
from topics.subscriptions import AdvancedFilter, Filter

RANDOMS = st.randoms(use_true_random=False)
BODY_FILTER = Filter(advanced_filters=(AdvancedFilter(operator="IsNotNull", key="data.n"),))
ATTRIBUTES = ("id", "type", "source", "subject", "time", "data_version", "schema")
RELAXED = settings(suppress_health_check=list(HealthCheck))


def found_by(snapshot, bodies):
    """The keys that a snapshot finds for each of some events, sorted, so that a double one shows."""
    return [sorted(keys) for keys in snapshot.match([envelope_of(body) for body in bodies], bodies)]


def wanted_by(filters, bodies):
    """The keys of the filters that pass each of some events, by the reference."""
    return [
        sorted(key for key, wanted in filters.items() if reference.matches(wanted, envelope, body))
        for body, envelope in zip(bodies, map(envelope_of, bodies), strict=True)
    ]


def drawn(random, events, filters):
    """Some events, and filters by number that look at them."""
    bodies = [an_event(random) for _ in range(events)]
    return bodies, dict(enumerate(filters_for(random, bodies, filters)))


@settings(RELAXED, max_examples=100)
@given(RANDOMS, st.integers(1, 3), st.integers(1, 8))
def test_index_and_reference_find_the_same(random, events, filters):
    bodies, wanted = drawn(random, events, filters)
    assert found_by(an_index(wanted).snapshot(), bodies) == wanted_by(wanted, bodies)


@pytest.mark.parametrize("seed", range(20))
def test_so_they_do_in_a_crowd(seed):
    bodies, wanted = drawn(Random(seed), 25, 60)
    assert found_by(an_index(wanted).snapshot(), bodies) == wanted_by(wanted, bodies)


@pytest.mark.parametrize("seed", range(100, 103))
def test_so_they_do_where_hundreds_look_at_the_same_keys(seed):
    random = Random(seed)
    bodies, few = drawn(random, 30, 3)
    wanted = dict(enumerate([*few.values(), *filters_for(random, bodies[:2], 300)]))
    assert found_by(an_index(wanted).snapshot(), bodies) == wanted_by(wanted, bodies)


@pytest.mark.parametrize("seed", range(400, 410))
def test_so_they_do_over_a_long_stream_of_events_that_are_much_alike(seed):
    random = Random(seed)
    kinds = [an_event(random) for _ in range(2)]
    wanted = dict(enumerate(filters_for(random, kinds, 25)))
    index = an_index(wanted)
    for changed in range(4):
        stream = [a_variant(random, random.choice(kinds)) for _ in range(40)]
        for size in (1, 10, 29):
            batch, stream = stream[:size], stream[size:]
            assert found_by(index.snapshot(), batch) == wanted_by(wanted, batch)
        (wanted[100 + changed],) = filters_for(random, kinds, 1)
        index.add(100 + changed, clauses_of(wanted[100 + changed]), 100 + changed)
        index.remove(changed)
        del wanted[changed]


@pytest.mark.parametrize("seed", range(500, 506))
def test_an_event_that_is_read_for_the_filters_has_the_envelope_that_it_has_and_meets_the_same(seed):
    random = Random(seed)
    kinds = [body for body in (an_event(random) for _ in range(30)) if CLOUD_EVENT_MARK not in body][:2]
    wanted = dict(enumerate(filters_for(random, kinds, 25))) | {99: BODY_FILTER}
    snapshot = an_index(wanted).snapshot()
    stream = [a_variant(random, random.choice(kinds)) for _ in range(120)]
    found_by(snapshot, stream)
    decode, match = snapshot.at_once("EventGridSchema")
    for body in stream if decode and match else []:
        try:
            read = decode(body)
        except REFUSALS:
            continue
        envelope = envelope_of(body)
        assert [getattr(read, name) or "" for name in ATTRIBUTES] == [
            getattr(envelope, name) or "" for name in ATTRIBUTES
        ]
        found = match(read, body)
        assert sorted(snapshot.match_one(read, body) if found is None else found) == wanted_by(wanted, [body])[0]


@pytest.mark.parametrize("seed", range(200, 210))
def test_explaining_agrees_with_matching_clause_by_clause(seed):
    bodies, wanted = drawn(Random(seed), 10, 15)
    matched = an_index(wanted).snapshot().match([envelope_of(body) for body in bodies], bodies)
    for body, keys in zip(bodies, matched, strict=True):
        envelope = envelope_of(body)
        for key, one in wanted.items():
            explained = explain(clauses_of(one), envelope, body)
            verdicts = reference.verdicts(one, envelope, body)
            assert [clause.matches for clause in explained.clauses] == verdicts
            assert explained.matches is (key in keys)
            assert explained.first_failed == (verdicts.index(False) if False in verdicts else None)


@pytest.mark.parametrize("seed", range(300, 308))
def test_an_index_that_changed_is_as_one_built_anew_and_old_snapshots_stay(seed):
    random = Random(seed)
    bodies, pool = drawn(random, 12, 60)
    index: Index[int] = Index()
    live: dict = {}
    kept = []
    for _ in range(120):
        key = random.randrange(25)
        if random.random() < 0.4:
            index.remove(key)
            live.pop(key, None)
        else:
            live[key] = random.choice(pool)
            index.add(key, clauses_of(live[key]), key)
        if random.random() < 0.1:
            kept.append((index.snapshot(), dict(live)))
        assert len(index) == len(live)
    kept.append((index.snapshot(), live))
    assert found_by(kept[-1][0], bodies) == found_by(an_index(live).snapshot(), bodies)
    for snapshot, then in kept:
        assert found_by(snapshot, bodies) == wanted_by(then, bodies)


def test_an_index_emptied_finds_nothing_and_fills_again():
    bodies, wanted = drawn(Random(1), 10, 40)
    index = an_index(wanted)
    for key in wanted:
        index.remove(key)
    assert found_by(index.snapshot(), bodies) == [[]] * 10
    for key, one in reversed(wanted.items()):
        index.add(key, clauses_of(one), key)
    assert found_by(index.snapshot(), bodies) == wanted_by(wanted, bodies)


def every(operators, operands):
    """A filter on `data.k` for each operator with each operand, arrays included; by number."""
    return dict(
        enumerate(
            Filter(
                advanced_filters=(AdvancedFilter(operator=operator, key="data.k", **operand),),
                enable_advanced_filtering_on_arrays=True,
            )
            for operator in operators
            for operand in operands
        )
    )


def of(*operands):
    """The operand of an operator that takes several."""
    return {"values": operands}


NUMERIC = [json.loads(number) for number in NUMBERS]
TEXTUAL = [json.loads(text) for text in TEXTS]
BODIES = [
    b'{"id": "1", "topic": "/s", "subject": "a", "eventType": "T", "data": {"k": %s}}' % value.encode()
    for value in (*dict.fromkeys(SCALARS), "{}", "[]", "[1, 2.5]", '["a", 1, "é", null]', f"[{2**53}, {2**64 + 1}]")
]


@pytest.mark.parametrize(
    "filters",
    [
        pytest.param(every(ORDERED, [{"value": number} for number in NUMERIC]), id="thresholds"),
        pytest.param(every(["NumberIn", "NumberNotIn"], [of(number) for number in NUMERIC]), id="equal numbers"),
        pytest.param(
            every(
                ["NumberInRange", "NumberNotInRange"],
                [of((low, high)) for low, high in product(NUMERIC[::2], NUMERIC) if low <= high],
            ),
            id="ranges",
        ),
        pytest.param(
            every([name for name in OPERATORS if "String" in name], [of(text) for text in TEXTUAL]), id="texts"
        ),
        pytest.param(
            every(["StringIn", "StringNotContains"], list(starmap(of, pairwise(TEXTUAL)))), id="pairs of texts"
        ),
    ],
)
def test_every_operator_agrees_on_every_operand_and_every_value(filters):
    assert found_by(an_index(filters).snapshot(), BODIES) == wanted_by(filters, BODIES)
