from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.envelope import read_envelope
from router.filters.clauses import Clause, clauses_of
from router.filters.index import Index
from router.filters.letters import fold
from topics.subscriptions import AdvancedFilter, Filter


@dataclass
class Seen:
    type: str = "ModelRegistered"
    subject: str | None = "models/churn:3"


def matches(wanted: Filter, event: Seen) -> bool:
    index: Index[str] = Index()
    index.add("k", clauses_of(wanted), "target")
    return index.snapshot().match([event]) == [["target"]]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        pytest.param(Filter(), True, id="nothing asked: every event"),
        pytest.param(Filter(included_event_types=()), True, id="no types: every type"),
        pytest.param(Filter(included_event_types=("ModelRegistered",)), True, id="its type"),
        pytest.param(Filter(included_event_types=("modelREGISTERED",)), True, id="its type in other letters"),
        pytest.param(Filter(included_event_types=("ModelDeployed", "ModelRegistered")), True, id="one of the types"),
        pytest.param(Filter(included_event_types=("ModelDeployed",)), False, id="another type"),
        pytest.param(Filter(subject_begins_with="models/"), True, id="begins"),
        pytest.param(Filter(subject_begins_with="MODELS/"), True, id="begins, other letters"),
        pytest.param(Filter(subject_begins_with="MODELS/", is_subject_case_sensitive=True), False, id="begins, exact"),
        pytest.param(Filter(subject_begins_with="models/", is_subject_case_sensitive=True), True, id="begins exactly"),
        pytest.param(Filter(subject_ends_with=":3"), True, id="ends"),
        pytest.param(Filter(subject_ends_with="CHURN:3"), True, id="ends, other letters"),
        pytest.param(Filter(subject_ends_with=":4"), False, id="ends with something else"),
        pytest.param(Filter(subject_begins_with="models/", subject_ends_with=":4"), False, id="both must hold"),
        pytest.param(
            Filter(included_event_types=("X",), subject_begins_with="models/"), False, id="type and subject must hold"
        ),
    ],
)
def test_a_filter(wanted, expected):
    assert matches(wanted, Seen()) is expected


def test_an_event_without_subject_has_an_empty_one():
    assert matches(Filter(), Seen(subject=None))
    assert not matches(Filter(subject_begins_with="m"), Seen(subject=None))


def test_a_snapshot_does_not_change_when_the_index_does():
    index: Index[str] = Index()
    index.add("a", clauses_of(Filter()), "a")
    before = index.snapshot()
    index.add("b", clauses_of(Filter()), "b")
    index.remove("a")
    assert before.match([Seen()]) == [["a"]]
    assert index.snapshot().match([Seen()]) == [["b"]]


def test_adding_again_replaces():
    index: Index[str] = Index()
    index.add("a", clauses_of(Filter(included_event_types=("X",))), "old")
    index.add("a", clauses_of(Filter()), "new")
    assert index.snapshot().match([Seen(type="X")]) == [["new"]]
    assert len(index) == 1


def test_a_target_that_lists_a_type_twice_is_found_once():
    assert matches(Filter(included_event_types=("ModelRegistered", "MODELREGISTERED")), Seen())


def test_removing_what_is_not_there_is_nothing():
    index: Index[str] = Index()
    index.remove("nobody")
    assert index.snapshot().match([Seen()]) == [[]]


def test_a_clause_that_makes_no_sense_never_holds_and_harms_nobody():
    index: Index[str] = Index()
    index.add("a", [Clause("subject", "Wild", "x")], "a")
    index.add("b", [], "b")
    assert index.snapshot().match([Seen()]) == [["b"]]


SUBJECTS = st.text("aAbB/é", max_size=6)
FILTERS = st.builds(
    Filter,
    included_event_types=st.none() | st.lists(st.sampled_from(["A", "a", "B", "c"]), max_size=2).map(tuple),
    subject_begins_with=st.text("aAbB/é", max_size=2),
    subject_ends_with=st.text("aAbB/é", max_size=2),
    is_subject_case_sensitive=st.booleans(),
)


def plainly(wanted: Filter, event: Seen) -> bool:
    """The same rules, slow and obvious."""
    types = [fold(name) for name in wanted.included_event_types or ()]
    if types and fold(event.type) not in types:
        return False
    letters = (lambda text: text) if wanted.is_subject_case_sensitive else fold
    subject = letters(event.subject or "")
    return subject.startswith(letters(wanted.subject_begins_with)) and subject.endswith(
        letters(wanted.subject_ends_with)
    )


@given(st.lists(FILTERS, max_size=8), st.lists(st.builds(Seen, st.sampled_from(["A", "b", "C"]), SUBJECTS), max_size=8))
def test_the_index_agrees_with_the_plain_rules(filters, events):
    index: Index[int] = Index()
    for number, wanted in enumerate(filters):
        index.add(number, clauses_of(wanted), number)
    found = index.snapshot().match(events)
    for event, targets in zip(events, found, strict=True):
        assert sorted(targets) == [n for n, wanted in enumerate(filters) if plainly(wanted, event)]


def test_keys_that_nobody_names_any_more_are_forgotten_and_old_snapshots_keep_theirs():
    index: Index[int] = Index()
    body = b'{"data": {"k7": 1, "k901": 1}}'
    first = AdvancedFilter(operator="IsNotNull", key="data.k7")
    index.add("kept", clauses_of(Filter(advanced_filters=(first,))), 7)
    before = index.snapshot()
    for number in range(1000):
        passing = AdvancedFilter(operator="IsNotNull", key=f"data.k{number}")
        index.add("passing", clauses_of(Filter(advanced_filters=(passing,))), number)
        after = index.snapshot()
        assert after.match([Seen()], [body]) == [[7] if number not in (7, 901) else [7, number]]
    assert before.match([Seen()] * 2, [body] * 2) == [[7], [7]]


def test_events_are_still_read_at_once_after_thousands_of_keys_have_come_and_gone():
    index: Index[int] = Index()
    body = b'{"id":"1","topic":"/s","eventType":"T","subject":"a","data":{"n":1,"s":"b","late":2}}'
    event = read_envelope(body, [])
    asked = {0: ("data.n", 2), 1: ("data.s", 2), 5000: ("data.late", 3), 5001: ("data.late", 1)}
    for number in range(5002):
        key, most = asked.get(number, (f"data.k{number}", 9))
        wanted = (
            AdvancedFilter(operator="NumberLessThan", key=key, value=most),
            AdvancedFilter(operator="StringNotIn", key="data.s", values=("a",)),
        )
        index.add(number, clauses_of(Filter(advanced_filters=wanted)), number)
    for number in range(5002):
        if number not in asked:
            index.remove(number)
    assert [sorted(found) for found in index.snapshot().match([event] * 3, [body] * 3)] == [[0, 5000]] * 3
    index.remove(1)  # a change like any other: what events look like is known already
    decode, match = index.snapshot().at_once("EventGridSchema")
    assert decode is not None and match is not None  # noqa: PT018 (both or neither)
    assert sorted(match(decode(body), body)) == [0, 5000]


SAME_FOR_MANY = {
    "all of a type": Filter(included_event_types=("ModelRegistered",)),
    "a part of the subject": Filter(
        advanced_filters=(AdvancedFilter(operator="StringContains", key="subject", values=("churn", "odels/")),)
    ),
    "all but one name": Filter(
        advanced_filters=(AdvancedFilter(operator="StringNotIn", key="data.name", values=("a",)),)
    ),
    "an interval": Filter(
        advanced_filters=(AdvancedFilter(operator="NumberInRange", key="data.n", values=((1, 2), (4, 5))),)
    ),
}


@pytest.mark.parametrize("wanted", SAME_FOR_MANY.values(), ids=SAME_FOR_MANY)
def test_what_was_found_stays_as_it_is_whatever_is_found_or_changed_later(wanted):
    index: Index[int] = Index()
    for number in range(100):
        index.add(number, clauses_of(wanted), number)
    body = b'{"id":"1","topic":"/s","eventType":"ModelRegistered","subject":"models/churn:3","data":{"n":1,"name":"b"}}'
    event = read_envelope(body, [])
    first = index.snapshot().match([event] * 3, [body] * 3)
    copies = [list(found) for found in first]
    index.remove(7)
    index.add("new", clauses_of(Filter()), 100)
    later = index.snapshot().match([event] * 3, [body] * 3)
    assert [sorted(found) for found in later] == [[n for n in range(101) if n != 7]] * 3
    assert first == copies
    assert [sorted(found) for found in first] == [list(range(100))] * 3
