"""Filters as JSON: what is read, what is refused and how, and what is shown."""

from typing import Any

import pytest

from router.api.filter_bodies import filter_json, read_filter
from router.api.json_bodies import Members, read_object
from router.errors import RefusedError
from topics import EVENT_TYPES
from topics.events import MACHINE_LEARNING
from topics.subscriptions import AdvancedFilter, Filter

ALL_FIVE = tuple(event_type.name for event_type in EVENT_TYPES)
COMPLETED = MACHINE_LEARNING + "RunCompleted"


def read(tree: Any, *, of_workspace: bool = True) -> Filter:
    return read_filter(Members(tree, "filter"), of_workspace=of_workspace)


def read_advanced(*filters: Any) -> tuple[AdvancedFilter, ...]:
    return read({"advancedFilters": list(filters)}).advanced_filters


@pytest.mark.parametrize("types", [None, []])
def test_types_not_given_are_the_five_of_a_workspace_and_any_of_a_custom_topic(types: Any):
    assert read({"includedEventTypes": types}).included_event_types == ALL_FIVE
    assert read({"includedEventTypes": types}, of_workspace=False).included_event_types is None
    assert read_filter(None, of_workspace=True).included_event_types == ALL_FIVE


def test_a_type_that_is_repeated_in_another_case_is_kept_once():
    assert read({"includedEventTypes": [COMPLETED, "Other", COMPLETED.upper()]}).included_event_types == (
        COMPLETED,
        "Other",
    )


@pytest.mark.parametrize("types", [["All"], ["ALL", COMPLETED]])
def test_all_means_every_type(types: list[str]):
    assert read({"includedEventTypes": types}).included_event_types is None


def test_names_of_members_are_read_in_any_case_and_unknown_ones_ignored():
    read_one = read({"SubjectBeginsWith": "models/", "IsSubjectCaseSensitive": True, "colour": "red"})
    assert (read_one.subject_begins_with, read_one.is_subject_case_sensitive) == ("models/", True)


@pytest.mark.parametrize(
    ("tree", "target", "words"),
    [
        ({"includedEventTypes": "All"}, "filter.includedEventTypes", '"All" is not allowed; it must be an array'),
        ({"includedEventTypes": [""]}, "filter.includedEventTypes[0]", "a string that is not empty"),
        ({"includedEventTypes": [1]}, "filter.includedEventTypes[0]", "1 is not allowed"),
        ({"subjectBeginsWith": 5}, "filter.subjectBeginsWith", "5 is not allowed; it must be a string"),
        ({"isSubjectCaseSensitive": "yes"}, "filter.isSubjectCaseSensitive", "true or false"),
        ({"advancedFilters": {}}, "filter.advancedFilters", "an array"),
        ({"advancedFilters": [5]}, "filter.advancedFilters[0]", "an object"),
    ],
)
def test_wrong_members_are_refused_by_name_value_and_rule(tree: Any, target: str, words: str):
    with pytest.raises(RefusedError) as refusal:
        read(tree)
    assert refusal.value.target == target
    assert words in refusal.value.message
    assert target in refusal.value.message


@pytest.mark.parametrize(
    ("tree", "read_as"),
    [
        (
            {"operatorType": "numberin", "key": "data.n", "values": [1, 2.5]},
            {"operator": "NumberIn", "values": (1, 2.5)},
        ),
        (
            {"OperatorType": "NumberLessThan", "Key": "data.n", "Value": 2**60},
            {"operator": "NumberLessThan", "value": 2**60},
        ),
        (
            {"operatorType": "NumberInRange", "key": "data.n", "values": [[1, 2]]},
            {"operator": "NumberInRange", "values": ([1, 2],)},
        ),
        ({"operatorType": "BoolEquals", "key": "data.n", "value": False}, {"operator": "BoolEquals", "value": False}),
        (
            {"operatorType": "StringContains", "key": "data.n", "values": [""]},
            {"operator": "StringContains", "values": ("",)},
        ),
        ({"operatorType": "IsNotNull", "key": "data.n", "values": ["superfluous"]}, {"operator": "IsNotNull"}),
    ],
)
def test_operators_take_their_operands(tree: Any, read_as: dict[str, Any]):
    assert read_advanced(tree) == (AdvancedFilter(key="data.n", **read_as),)


@pytest.mark.parametrize(
    ("tree", "member", "words"),
    [
        ({"operatorType": "Number", "key": "k", "value": 1}, ".operatorType", "one of NumberIn"),
        ({"key": "k", "value": 1}, ".operatorType", "one of NumberIn"),
        ({"operatorType": "IsNotNull"}, ".key", "not empty"),
        ({"operatorType": "IsNotNull", "key": "a..b"}, ".key", "none of them empty"),
        ({"operatorType": "IsNotNull", "key": ".".join("a" * 65)}, ".key", "65 steps are too many; at most 64"),
        ({"operatorType": "NumberIn", "key": "k", "value": 1}, ".values", "`value` is for other operators"),
        ({"operatorType": "NumberIn", "key": "k", "values": []}, ".values", "at least one value"),
        (
            {"operatorType": "NumberIn", "key": "k", "values": ["5"]},
            ".values[0]",
            '"5" is not allowed; it must be a number',
        ),
        ({"operatorType": "NumberIn", "key": "k", "values": [True]}, ".values[0]", "a number"),
        ({"operatorType": "NumberLessThan", "key": "k", "values": [1]}, ".value", "`values` is for other operators"),
        ({"operatorType": "NumberLessThan", "key": "k", "value": "1"}, ".value", "a number"),
        ({"operatorType": "BoolEquals", "key": "k", "value": "true"}, ".value", "true or false"),
        ({"operatorType": "StringIn", "key": "k", "values": [1]}, ".values[0]", "a string"),
        (
            {"operatorType": "StringIn", "key": "k", "values": ["x" * 513]},
            ".values[0]",
            "513 characters are too many; at most 512",
        ),
        ({"operatorType": "NumberInRange", "key": "k", "values": [[1]]}, ".values[0]", "an array of two numbers"),
        ({"operatorType": "NumberInRange", "key": "k", "values": [[1, "2"]]}, ".values[0][1]", "a number"),
        ({"operatorType": "NumberInRange", "key": "k", "values": [[2, 1]]}, ".values[0]", "must not be above"),
    ],
)
def test_wrong_operands_are_refused_by_filter_and_field(tree: Any, member: str, words: str):
    with pytest.raises(RefusedError) as refusal:
        read_advanced({"operatorType": "IsNotNull", "key": "fine"}, tree)
    assert refusal.value.target == f"filter.advancedFilters[1]{member}"
    assert words in refusal.value.message


def test_limits_are_kept_to_the_figure():
    nothing, one = (
        {"operatorType": "IsNotNull", "key": "k"},
        {"operatorType": "StringIn", "key": "k", "values": ["x" * 512]},
    )
    assert len(read_advanced(*[nothing] * 25)) == 25
    assert len(read_advanced(*[one] * 24, {"operatorType": "NumberInRange", "key": "k", "values": [[1, 2]]})) == 25
    with pytest.raises(RefusedError, match="26 advanced filters are too many; at most 25"):
        read_advanced(*[nothing] * 26)
    with pytest.raises(RefusedError, match="26 values in all filters together are too many; at most 25"):
        read_advanced({"operatorType": "NumberIn", "key": "k", "values": list(range(25))}, one)


@pytest.mark.parametrize("number", [b"NaN", b"1e999", b"-Infinity"])
def test_numbers_that_are_none_are_refused_where_they_stand(number: bytes):
    body = b'{"filter": {"advancedFilters": [{"operatorType": "NumberIn", "key": "k", "values": [' + number + b"]}]}}"
    with pytest.raises(RefusedError) as refusal:
        read_object(body)
    assert refusal.value.target == "filter.advancedFilters[0].values[0]"


def test_what_is_shown_reads_as_the_same_filter():
    tree = {
        "includedEventTypes": [COMPLETED],
        "subjectBeginsWith": "a",
        "subjectEndsWith": "b",
        "isSubjectCaseSensitive": True,
        "enableAdvancedFilteringOnArrays": True,
        "advancedFilters": [
            {"operatorType": "StringIn", "key": "data.x", "values": ["a", "b"]},
            {"operatorType": "BoolEquals", "key": "data.y", "value": False},
            {"operatorType": "IsNotNull", "key": "data.z"},
        ],
    }
    assert filter_json(read(tree), of_workspace=True) == tree


def test_every_type_is_shown_as_all_of_a_workspace_and_as_nothing_of_a_custom_topic():
    assert filter_json(Filter(), of_workspace=True)["includedEventTypes"] == ["All"]
    assert filter_json(Filter(), of_workspace=False)["includedEventTypes"] is None
