import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.envelope import read_envelope
from router.filters.advice import covers, never_matches, only_negations
from router.filters.clauses import clauses_of
from router.filters.explain import explain
from tests.builders import an_event, as_bytes
from topics.subscriptions import AdvancedFilter, Filter


def asking(*conditions, on_arrays=False, **basic):
    filters = []
    for key, operator, operand in conditions:
        member = {} if operand is None else {"values" if isinstance(operand, list) else "value": operand}
        filters.append(AdvancedFilter(operator=operator, key=key, **member))
    wanted = Filter(advanced_filters=tuple(filters), enable_advanced_filtering_on_arrays=on_arrays, **basic)
    return clauses_of(wanted)


def begins(text):
    """With regard to case."""
    return asking(subject_begins_with=text, is_subject_case_sensitive=True)


@pytest.mark.parametrize(
    ("clauses", "words"),
    [
        (asking(("data.x", "NumberGreaterThan", 5), ("data.x", "NumberLessThan", 3)), "no number"),
        (asking(("data.x", "NumberGreaterThan", 5), ("data.x", "NumberLessThanOrEquals", 5)), "no number"),
        (asking(("data.x", "NumberIn", [1, 2]), ("data.x", "NumberIn", [3])), "no number"),
        (asking(("data.x", "NumberInRange", [[0, 1], [4, 5]]), ("data.x", "NumberInRange", [[2, 3]])), "no number"),
        (asking(("data.s", "StringIn", ["a", "b"]), ("data.s", "StringIn", ["c"])), "no text"),
        (asking(("data.s", "StringIn", ["apple"]), ("data.s", "StringBeginsWith", ["b"])), "no text"),
        (asking(("data.s", "StringBeginsWith", ["b"]), ("data.s", "StringIn", ["apple"])), "no text"),
        (asking(("data.s", "StringBeginsWith", ["ab"]), ("data.s", "StringBeginsWith", ["ac"])), "no text"),
        (asking(("data.s", "IsNullOrUndefined", None), ("data.s", "StringIn", ["a"])), "null or undefined"),
        (asking(("data.s", "IsNullOrUndefined", None), ("data.s", "IsNotNull", None)), "null or undefined"),
        (asking(("data.b", "BoolEquals", True), ("data.b", "BoolEquals", False)), "both true and false"),
    ],
)
def test_what_can_never_match_is_found(clauses, words):
    assert words in never_matches(clauses)


@pytest.mark.parametrize(
    "clauses",
    [
        asking(),
        asking(("data.x", "NumberGreaterThan", 3), ("data.x", "NumberLessThan", 5)),
        asking(("data.x", "NumberGreaterThanOrEquals", 5), ("data.x", "NumberLessThanOrEquals", 5)),
        asking(("data.x", "NumberGreaterThan", 5), ("data.y", "NumberLessThan", 3)),
        asking(("data.x", "NumberGreaterThan", 5), ("data.X", "NumberLessThan", 3)),
        asking(("eventType", "StringIn", ["A"]), included_event_types=("B",)),
        asking(("data.x", "NumberGreaterThan", 5), ("data.x", "NumberLessThan", 3), on_arrays=True),
        asking(("data.s", "StringBeginsWith", ["a"]), ("data.s", "StringEndsWith", ["b"])),
        asking(("data.s", "StringBeginsWith", ["A"]), ("data.s", "StringIn", ["apple"])),
        asking(("data.s", "IsNullOrUndefined", None), ("data.s", "StringNotIn", ["a"])),
    ],
)
def test_what_may_match_is_left_alone(clauses):
    assert never_matches(clauses) is None


def test_negations_alone_narrow_nothing_down():
    assert only_negations(asking(("data.s", "StringNotIn", ["a"]), ("data.x", "IsNullOrUndefined", None)))
    assert not only_negations(asking(("data.s", "StringNotIn", ["a"]), ("data.x", "IsNotNull", None)))
    assert not only_negations(asking(("data.s", "StringNotIn", ["a"]), subject_begins_with="models/"))
    assert not only_negations(())


@pytest.mark.parametrize(
    ("wide", "narrow", "expected"),
    [
        (asking(), asking(("data.x", "NumberIn", [1])), True),
        (asking(("data.x", "NumberIn", [1])), asking(), False),
        (asking(subject_begins_with="models/"), asking(subject_begins_with="Models/churn"), True),
        (asking(subject_begins_with="models/churn"), asking(subject_begins_with="models/"), False),
        (begins("ab"), begins("Abc"), False),
        (begins("Ab"), begins("Abc"), True),
        (asking(subject_begins_with="ab"), begins("Abc"), True),
        (begins("Abc"), asking(subject_begins_with="Abc"), False),
        (asking(("data.x", "NumberGreaterThan", 3)), asking(("data.X", "NumberGreaterThan", 5)), False),
        (asking(included_event_types=("A",)), asking(("eventType", "StringIn", ["A"])), False),
        (asking(included_event_types=("A", "B")), asking(included_event_types=("b",)), True),
        (asking(included_event_types=("A",)), asking(included_event_types=("A", "B")), False),
        (asking(("data.x", "NumberGreaterThan", 3)), asking(("data.x", "NumberGreaterThan", 5)), True),
        (asking(("data.x", "NumberGreaterThan", 5)), asking(("data.x", "NumberGreaterThanOrEquals", 5)), False),
        (asking(("data.x", "NumberInRange", [[0, 10]])), asking(("data.x", "NumberIn", [1, 9])), True),
        (asking(("data.s", "StringBeginsWith", ["a"])), asking(("data.s", "StringIn", ["apple", "ant"])), True),
        (asking(("data.s", "StringNotIn", ["a"])), asking(("data.s", "StringNotIn", ["a"])), True),
    ],
)
def test_one_filter_covers_another(wide, narrow, expected):
    assert covers(wide, narrow) is expected


NUMBERS = st.sampled_from([0, 1, 2, 3, 2.5])
TEXTS = st.lists(st.sampled_from(["a", "ab", "b", "B"]), min_size=1, max_size=2)
CONDITIONS = st.one_of(
    st.tuples(
        st.just("data.x"),
        st.sampled_from(["NumberLessThan", "NumberGreaterThan", "NumberLessThanOrEquals", "NumberGreaterThanOrEquals"]),
        NUMBERS,
    ),
    st.tuples(
        st.just("data.x"), st.sampled_from(["NumberIn", "NumberNotIn"]), st.lists(NUMBERS, min_size=1, max_size=2)
    ),
    st.tuples(
        st.just("data.x"),
        st.sampled_from(["NumberInRange", "NumberNotInRange"]),
        st.lists(st.tuples(NUMBERS, NUMBERS).map(sorted), min_size=1, max_size=2),
    ),
    st.tuples(
        st.just("data.x"),
        st.sampled_from(
            ["StringIn", "StringNotIn", "StringBeginsWith", "StringNotBeginsWith", "StringEndsWith", "StringContains"]
        ),
        TEXTS,
    ),
    st.tuples(st.just("data.x"), st.sampled_from(["IsNullOrUndefined", "IsNotNull"]), st.none()),
    st.tuples(st.just("data.x"), st.just("BoolEquals"), st.booleans()),
)
VALUES = st.sampled_from([None, True, False, 0, 1, 2, 2.5, 3, "", "a", "ab", "b", "ba", "2", [1, "a"], [], {}])


def matches(clauses, value):
    body = as_bytes(an_event(data={"x": value}))
    return explain(clauses, read_envelope(body, []), body).matches


def test_keys_that_differ_in_case_may_see_different_members_of_an_event():
    body = as_bytes(an_event(data={"x": 6, "X": 2}))
    clauses = asking(("data.x", "NumberGreaterThan", 5), ("data.X", "NumberLessThan", 3))
    assert explain(clauses, read_envelope(body, []), body).matches
    assert never_matches(clauses) is None


@given(st.lists(CONDITIONS, max_size=3), VALUES, st.booleans())
def test_what_is_said_never_to_match_never_matches(conditions, value, on_arrays):
    clauses = asking(*conditions, on_arrays=on_arrays)
    if never_matches(clauses) is not None:
        assert not matches(clauses, value)


@given(st.lists(CONDITIONS, max_size=2), st.lists(CONDITIONS, max_size=2), VALUES, st.booleans())
def test_what_is_covered_matches_no_event_that_the_other_does_not(wide, narrow, value, on_arrays):
    wide, narrow = asking(*wide, on_arrays=on_arrays), asking(*narrow, on_arrays=on_arrays)
    if covers(wide, narrow) and matches(narrow, value):
        assert matches(wide, value)
