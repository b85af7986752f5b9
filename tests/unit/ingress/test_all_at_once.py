"""An array read in one go and its elements read one by one agree: in what they accept, and in every record."""

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from router.ingress.accept import accept
from router.ingress.cloud_event_arrays import cloud_event_records
from router.ingress.cloud_events import cloud_event_record
from router.ingress.event_grid import event_grid_record
from router.ingress.event_grid_arrays import event_grid_records
from router.ingress.refusals import Refusal
from tests.builders import NOON, WORKSPACE, a_cloud_event, a_source, an_event

TEXTS = st.sampled_from(['""', '"x"', '"é"', '"\\u00e9"', '"\\u0000"', '"\\ud83d\\ude00"', "null", "7", "[]"])
TIMES = st.sampled_from(['"2025-10-20T12:00:00Z"', '"2025-10-20 12:00"', '"2025-10-20"', '"noon"', "null", "1"])
TOPICS = st.sampled_from([json.dumps(WORKSPACE), json.dumps(WORKSPACE.upper()), '"/other"', '""', "null", "{}"])
DATA = st.sampled_from(['{"a" : 1.10}', "null", "[1e400]", '"\\u0000"', '{"specversion":"1.0"}', "{}"])
VERSIONS = st.sampled_from(['"1"', '"1.0"', '"2"', '""', "null", "1"])
OTHERS = st.dictionaries(st.sampled_from(["comexample", "Wrong", "specversion", "id", "subject"]), TEXTS, max_size=2)


def event_json(event, changes):
    """An object as text: its members, each of them changed or left out, and more; a name may come twice."""
    members = {name: json.dumps(value) for name, value in event.items()}
    for name, value in changes[0].items():
        members.pop(name, None) if value is None else members.update({name: value})
    pairs = [*members.items(), *changes[1].items()]
    return ("{" + ", ".join(f'"{name}" :{value}' for name, value in pairs) + "}").encode()


def changed(**values):
    """Changes of a few members."""
    few = st.fixed_dictionaries({}, optional={name: st.none() | value for name, value in values.items()})
    return st.tuples(few | st.just({}), OTHERS | st.just({}))


EVENT_GRID_CHANGES = changed(
    id=TEXTS, subject=TEXTS, eventType=TEXTS, eventTime=TIMES, topic=TOPICS, dataVersion=VERSIONS, data=DATA,
    metadataVersion=VERSIONS,
)  # fmt: skip
EVENT_GRID = EVENT_GRID_CHANGES.map(lambda changes: event_json(an_event(), changes))
TEXT_VALUES = ('""', '"x"', '"é"', '"\\u0000"', '"\\ud83d\\ude00"', "null", None)
UNUSUAL = [
    *product(("id", "subject", "eventType"), TEXT_VALUES),
    *product(("eventTime",), ('"2025-10-20"', '"noon"', '"2025-10-20T12:00:00\\u0000"', "null", None)),
    *product(("topic",), (json.dumps(WORKSPACE.upper()), '"/other"', '""', "null", None)),
    *product(("dataVersion",), ('"1"', '""', "null", "1", None)),
    *product(("metadataVersion",), ('"2"', '""', "null", "1", None)),
    *product(("data", "other"), ('{"a" : 1.10}', "null", '"}"', None)),
]
CLOUD_EVENTS = changed(
    id=TEXTS, source=TOPICS, type=TEXTS, subject=TEXTS, time=TIMES, specversion=VERSIONS, data=DATA,
    data_base64=TEXTS,
).map(lambda changes: event_json(a_cloud_event(), changes))  # fmt: skip


MANY = 30
"""Enough for an array to be read column by column."""


def array(elements):
    return b"[" + b" , ".join(elements) + b"]"


def many(changes, first=0, count=MANY):
    """Events that all have the same changes, but names of their own."""
    named = [an_event(id=f"ü{number}", subject=f"models/é:{number % 7}") for number in range(first, first + count)]
    return [event_json(event, (changes, {})) for event in named]


def assert_they_agree(elements):
    together = event_grid_records(array(elements), list(map(Raw, elements)), WORKSPACE)
    one_by_one = [event_grid_record(element, WORKSPACE) for element in elements]
    assert together == (None if any(isinstance(one, Refusal) for one in one_by_one) else one_by_one)


@given(elements=st.lists(EVENT_GRID, max_size=4), others=st.sampled_from([0, MANY]))
def test_event_grid_events_agree(elements, others):
    assert_they_agree([*elements, *many({}, count=others)])


@pytest.mark.parametrize(("name", "value"), UNUSUAL)
@pytest.mark.parametrize("lacking", [{}, {"topic": None, "dataVersion": None, "metadataVersion": None}])
def test_what_is_unusual_in_one_of_many_or_in_all_of_them_changes_nothing(name, value, lacking):
    unusual = lacking | {name: value}
    assert_they_agree([*many(lacking), *many(unusual, MANY, 1), *many(lacking, MANY + 1)])
    assert_they_agree(many(unusual))


UNUSUAL_IN_CLOUD_EVENTS = [
    *product(("id", "type", "subject"), TEXT_VALUES),
    *product(("source",), (json.dumps(WORKSPACE.upper()), '"/other"', '"é"', '"a\\u0000"', '""', "null", None)),
    *product(
        ("time",), ('"2025-10-20t12:00:00.1234567z"', '"2025-10-20T12:00:00"', '"2025-13-20T12:00:00Z"', "null", None)
    ),
    *product(("data_base64",), ('"QQ=="', '"?"', "null")),
    *product(("data", "dataschema"), ('{"a" : 1.10}', "null", '"}"', None)),
    *product(("specversion",), ('"0.3"', None)),
]


def many_cloud_events(changes, first=0, count=MANY):
    """CloudEvents that all have the same changes, but names of their own."""
    named = [a_cloud_event(id=f"ü{number}", subject=f"models/é:{number % 7}") for number in range(first, first + count)]
    return [event_json(event, (changes, {})) for event in named]


def assert_cloud_events_agree(elements):
    """Extensions are read one by one, always."""
    together = cloud_event_records(array(elements), list(map(Raw, elements)), WORKSPACE)
    one_by_one = [cloud_event_record(element, WORKSPACE) for element in elements]
    if together is not None:
        assert together == one_by_one
    else:
        known = set(a_cloud_event()) | {"data_base64", "dataschema"}
        assert any(isinstance(one, Refusal) for one in one_by_one) or any(
            set(json.loads(element)) - known for element in elements
        )


@given(elements=st.lists(CLOUD_EVENTS, max_size=4), others=st.sampled_from([0, MANY]))
def test_cloud_events_agree(elements, others):
    assert_cloud_events_agree([*elements, *many_cloud_events({}, count=others)])


@pytest.mark.parametrize(("name", "value"), UNUSUAL_IN_CLOUD_EVENTS)
def test_so_they_do_where_one_of_many_or_all_of_them_are_unusual(name, value):
    usual, unusual = many_cloud_events({}), many_cloud_events({name: value}, MANY, 1)
    assert_cloud_events_agree([*usual, *unusual, *many_cloud_events({}, MANY + 1)])
    assert_cloud_events_agree(many_cloud_events({name: value}))


@given(elements=st.lists(EVENT_GRID | CLOUD_EVENTS, min_size=1, max_size=4))
def test_a_request_is_accepted_when_each_of_its_events_alone_is(elements):
    alone = [accept(array([element]), "application/json", a_source(), NOON) for element in elements]
    together = accept(array(elements), "application/json", a_source(), NOON)
    wrong = [answer for answer in alone if isinstance(answer, Refusal)]
    assert together == (wrong[0] if wrong else [record for records in alone for record in records])
