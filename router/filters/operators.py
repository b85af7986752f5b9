"""Event Grid's 19 operators (§4.2), and the three names that the basic filter has in `explain` (design §6)."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal

EVENT_TYPE_IN: Final = "EventTypeIn"
SUBJECT_BEGINS_WITH: Final = "SubjectBeginsWith"
SUBJECT_ENDS_WITH: Final = "SubjectEndsWith"

Operand = Literal["number", "range", "truth", "text"]
"""What an operand is, or each of several."""


class Relation(Enum):
    """How a value may stand to what is expected."""

    IN = "is one of"
    LESS = "is less than"
    AT_MOST = "is less than or equals"
    GREATER = "is greater than"
    AT_LEAST = "is greater than or equals"
    WITHIN = "is in a range of"
    EQUALS = "equals"
    CONTAINS = "contains"
    BEGINS = "begins with"
    ENDS = "ends with"
    NULL = "is null or undefined"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator: the member of a filter that holds its operand, what that is, and how a value must stand to it."""

    name: str
    relation: Relation
    member: Literal["value", "values"] | None = None
    operand: Operand | None = None
    is_negated: bool = False
    matches_missing: bool = False


def _operators() -> tuple[Operator, ...]:
    return (
        Operator("NumberIn", Relation.IN, "values", "number"),
        Operator("NumberNotIn", Relation.IN, "values", "number", is_negated=True, matches_missing=True),
        Operator("NumberLessThan", Relation.LESS, "value", "number"),
        Operator("NumberLessThanOrEquals", Relation.AT_MOST, "value", "number"),
        Operator("NumberGreaterThan", Relation.GREATER, "value", "number"),
        Operator("NumberGreaterThanOrEquals", Relation.AT_LEAST, "value", "number"),
        Operator("NumberInRange", Relation.WITHIN, "values", "range"),
        Operator("NumberNotInRange", Relation.WITHIN, "values", "range", is_negated=True, matches_missing=True),
        Operator("BoolEquals", Relation.EQUALS, "value", "truth"),
        Operator("StringContains", Relation.CONTAINS, "values", "text"),
        Operator("StringNotContains", Relation.CONTAINS, "values", "text", is_negated=True),
        Operator("StringBeginsWith", Relation.BEGINS, "values", "text"),
        Operator("StringNotBeginsWith", Relation.BEGINS, "values", "text", is_negated=True),
        Operator("StringEndsWith", Relation.ENDS, "values", "text"),
        Operator("StringNotEndsWith", Relation.ENDS, "values", "text", is_negated=True),
        Operator("StringIn", Relation.IN, "values", "text"),
        Operator("StringNotIn", Relation.IN, "values", "text", is_negated=True, matches_missing=True),
        Operator("IsNullOrUndefined", Relation.NULL, matches_missing=True),
        Operator("IsNotNull", Relation.NULL, is_negated=True),
    )


OPERATORS: Final = {operator.name: operator for operator in _operators()}
"""Event Grid's operators by name."""

BASIC: Final = {
    EVENT_TYPE_IN: Operator(EVENT_TYPE_IN, Relation.IN, "values", "text"),
    SUBJECT_BEGINS_WITH: Operator(SUBJECT_BEGINS_WITH, Relation.BEGINS, "value", "text"),
    SUBJECT_ENDS_WITH: Operator(SUBJECT_ENDS_WITH, Relation.ENDS, "value", "text"),
}
"""The conditions of the basic filter, by the names that `explain` gives them."""

_IN_ANY_CASE: Final = {name.lower(): operator for name, operator in OPERATORS.items()}


def find_operator(name: str) -> Operator | None:
    """Return an operator of Event Grid's by its name in any case; None when there is no such."""
    return _IN_ANY_CASE.get(name.lower())
