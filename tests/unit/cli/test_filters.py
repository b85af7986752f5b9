"""The words of an advanced filter or a delivery attribute become the JSON that Event Grid takes."""

import pytest

from router.cli.filters import OPERATORS, advanced_filter, delivery_attribute
from router.errors import RefusedError


@pytest.mark.parametrize(
    ("words", "operands"),
    [
        ("data.x NumberIn 1 2.5 -3", {"values": [1, 2.5, -3]}),
        ("data.x NumberNotIn 9007199254740993", {"values": [9007199254740993]}),
        ("data.x NumberLessThan -5", {"value": -5}),
        ("data.x NumberLessThanOrEquals 1e3", {"value": 1000.0}),
        ("data.x NumberGreaterThan 0.9", {"value": 0.9}),
        ("data.x NumberGreaterThanOrEquals 0", {"value": 0}),
        ("data.x NumberInRange 5,10 20,30.5", {"values": [[5, 10], [20, 30.5]]}),
        ("data.x NumberNotInRange -10,-5", {"values": [[-10, -5]]}),
        ("data.x BoolEquals true", {"value": True}),
        ("data.x BoolEquals FALSE", {"value": False}),
        ("data.x StringIn a b", {"values": ["a", "b"]}),
        ("data.x StringIn 5 true", {"values": ["5", "true"]}),
        ("data.x IsNotNull", {}),
        ("data.x IsNullOrUndefined", {}),
    ],
)
def test_operands_are_read_as_the_operator_wants_them(words, operands):
    key, operator, *_ = words.split()
    assert advanced_filter(words.split()) == {"operatorType": operator, "key": key, **operands}


@pytest.mark.parametrize("operator", OPERATORS)
def test_operators_may_be_written_in_any_case(operator):
    sample = {"none": [], "number": ["1"], "numbers": ["1"], "ranges": ["1,2"], "boolean": ["true"], "strings": ["a"]}
    words = ["data.x", operator.upper(), *sample[OPERATORS[operator]]]
    assert advanced_filter(words)["operatorType"] == operator


def test_there_are_nineteen_operators():
    assert len(OPERATORS) == 19


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("data.x", "a key and an operator are needed"),
        ("data.x Equals 5", "unknown operator 'Equals'"),
        ("data.x NumberLessThan five", "'five' is no number"),
        ("data.x NumberLessThan nan", "'nan' is no number"),
        ("data.x NumberLessThan inf", "'inf' is no number"),
        ("data.x NumberIn 1_000", "'1_000' is no number"),
        ("data.x NumberLessThan 1 2", "exactly one value"),
        ("data.x NumberLessThan", "exactly one value"),
        ("data.x BoolEquals yes", "neither true nor false"),
        ("data.x StringIn", "at least one value"),
        ("data.x NumberInRange 5", "'5' is no range"),
        ("data.x NumberInRange 5,b", "'b' is no number"),
        ("data.x IsNotNull a", "takes no value"),
    ],
)
def test_wrong_operands_are_refused_with_words(words, complaint):
    with pytest.raises(RefusedError, match=complaint):
        advanced_filter(words.split())


@pytest.mark.parametrize(
    ("words", "attribute"),
    [
        (
            ["x-tenant", "static", "contoso"],
            {"name": "x-tenant", "type": "Static", "properties": {"value": "contoso", "isSecret": False}},
        ),
        (
            ["x-tenant", "STATIC", "contoso", "false"],
            {"name": "x-tenant", "type": "Static", "properties": {"value": "contoso", "isSecret": False}},
        ),
        (
            ["x-key", "Static", "s3cret", "True"],
            {"name": "x-key", "type": "Static", "properties": {"value": "s3cret", "isSecret": True}},
        ),
        (
            ["x-run", "dynamic", "data.runId"],
            {"name": "x-run", "type": "Dynamic", "properties": {"sourceField": "data.runId"}},
        ),
    ],
)
def test_a_delivery_attribute_is_static_or_dynamic(words, attribute):
    assert delivery_attribute(words) == attribute


@pytest.mark.parametrize("words", [["x"], ["x", "static"], ["x", "dynamic", "a", "b"], ["x", "else", "a"]])
def test_other_delivery_attributes_are_refused(words):
    with pytest.raises(RefusedError, match="NAME static VALUE"):
        delivery_attribute(words)


def test_a_refusal_does_not_repeat_a_secret():
    with pytest.raises(RefusedError) as refused:
        delivery_attribute(["x-key", "static", "s3cret", "maybe"])
    assert "s3cret" not in refused.value.message
