"""Event Grid's truth table (§4.4), each cell by name, for the reference and for the engine."""

import json

import pytest

from tests.builders import an_event
from tests.unit.filters.evaluators import EVALUATORS
from topics.subscriptions import AdvancedFilter, Filter

# T: the event is delivered. Columns: a scalar that passes the test · one that does not · key missing · null ·
# a scalar of another type · an object · array that passes, option off · array with an element that passes, on ·
# array with none, on · empty array, on · array of other types only, on
COLUMNS = (
    "match", "no match", "missing", "null", "other type", "object",
    "array off", "array on", "array on without a match", "empty array on", "array of other types on",
)  # fmt: skip
TABLE = {
    "NumberIn":                   "TFFFFFFTFFF",
    "NumberNotIn":                "FTTTTTFFTTT",
    "NumberLessThan":             "TFFFFFFTFFF",
    "NumberLessThanOrEquals":     "TFFFFFFTFFF",
    "NumberGreaterThan":          "TFFFFFFTFFF",
    "NumberGreaterThanOrEquals":  "TFFFFFFTFFF",
    "NumberInRange":              "TFFFFFFTFFF",
    "NumberNotInRange":           "FTTTTTFFTTT",
    "BoolEquals":                 "TFFFFFFTFFF",
    "StringContains":             "TFFFFFFTFFF",
    "StringNotContains":          "FTFFTTFFTTT",
    "StringBeginsWith":           "TFFFFFFTFFF",
    "StringNotBeginsWith":        "FTFFTTFFTTT",
    "StringEndsWith":             "TFFFFFFTFFF",
    "StringNotEndsWith":          "FTFFTTFFTTT",
    "StringIn":                   "TFFFFFFTFFF",
    "StringNotIn":                "FTTTTTFFTTT",
    "IsNullOrUndefined":          "FFTTFFFFFFF",
    "IsNotNull":                  "TTFFTTTTTTT",
}  # fmt: skip
# By operator without "Not": its operand, values that pass the test, values that do not, scalars of other types.
SAMPLES = {
    "NumberIn": ({"values": (5, 7.5)}, (5, 5.0, 7.5), (6, -5, 0), ("5", True, "")),
    "NumberLessThan": ({"value": 5}, (4.999, -1, 0), (5, 5.0, 6), ("4", True, False)),
    "NumberLessThanOrEquals": ({"value": 5}, (5, 5.0, -1), (5.0001, 6), ("4", True, False)),
    "NumberGreaterThan": ({"value": 0.5}, (0.51, 1, 1e300), (0.5, 0, -7), ("1", True)),
    "NumberGreaterThanOrEquals": ({"value": 0.5}, (0.5, 1), (0.49, -7), ("1", True)),
    "NumberInRange": ({"values": ((1, 2), (5, 5.5))}, (1, 2, 1.5, 5, 5.5), (0.99, 2.01, 5.51, -1), ("1", True)),
    "BoolEquals": ({"value": True}, (True,), (False,), ("true", 1, "")),
    "StringContains": ({"values": ("hur", "zz")}, ("churn", "CHURN", "zz", "hur"), ("hu", "", "chrun"), (5, True, 1.5)),
    "StringBeginsWith": ({"values": ("ch", "zz")}, ("churn", "CHurn", "ch", "zz"), ("c", "", "xch"), (5, False)),
    "StringEndsWith": ({"values": ("rn", "zz")}, ("churn", "chuRN", "rn", "zz"), ("n", "", "rnx"), (5, False)),
    "StringIn": ({"values": ("churn", "zz")}, ("churn", "CHURN", "zZ"), ("chur", "churns", ""), (5, True)),
    "Is": ({}, ("x", 0, False, ""), (), ()),
}
SAMPLES |= {"IsNullOrUndefined": SAMPLES["Is"], "IsNotNull": SAMPLES.pop("Is")}


def sample_of(operator):
    """What the samples have for an operator, negated or not."""
    return SAMPLES[operator if operator in SAMPLES else operator.replace("Not", "")]


def the_values(operator):
    """By column: the values of `data.key` that stand for it, and whether arrays are filtered."""
    _, passing, failing, others = sample_of(operator)
    hit = passing[0]
    return {
        "match": (passing, False),
        "no match": (failing, True),
        "missing": ((...,), True),
        "null": ((None,), True),
        "other type": (others, True),
        "object": (({}, {"key": hit}), True),
        "array off": (([hit], [*passing, *failing], [], [None], list(failing)), False),
        "array on": (([hit], [*failing, hit, *others], [None, {}, [], passing[-1]]), True),
        "array on without a match": (([*failing], [None, {}, [hit], *failing]), True),
        "empty array on": (([],), True),
        "array of other types on": (([*others], [None], [{"key": hit}, [hit]]), True),
    }


def cells():
    """The cells of the table as parameters."""
    for operator, row in TABLE.items():
        operand = sample_of(operator)[0]
        for column, verdict in zip(COLUMNS, row, strict=True):
            values, arrays = the_values(operator)[column]
            for value in values:
                yield pytest.param(
                    Filter(
                        advanced_filters=(AdvancedFilter(operator=operator, key="data.key", **operand),),
                        enable_advanced_filtering_on_arrays=arrays,
                    ),
                    an_event(data={} if value is ... else {"key": value}),
                    verdict == "T",
                    id=f"{operator} · {column} · {'' if value is ... else json.dumps(value)}",
                )


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize(("wanted", "event", "expected"), list(cells()))
def test_the_truth_table_of_event_grid(evaluator, wanted, event, expected):
    assert EVALUATORS[evaluator](wanted, json.dumps(event).encode()) is expected


def test_every_operator_has_its_row():
    assert len(TABLE) == 19
