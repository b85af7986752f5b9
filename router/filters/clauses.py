"""Clauses: a filter as a list of conditions that must all hold, each with an identity that `explain` can name."""

from dataclasses import dataclass

from router.filters.operators import EVENT_TYPE_IN, SUBJECT_BEGINS_WITH, SUBJECT_ENDS_WITH
from topics.subscriptions import Filter


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition: the value at `path` stands in the relation `operator` to what is `expected`."""

    path: str
    operator: str
    expected: object
    case_sensitive: bool = False
    on_arrays: bool = False


def clauses_of(wanted: Filter) -> tuple[Clause, ...]:
    """Return the clauses of a filter, in the order in which `explain` shows them (design §6)."""
    clauses = []
    is_exact, on_arrays = wanted.is_subject_case_sensitive, wanted.enable_advanced_filtering_on_arrays
    if wanted.included_event_types:
        clauses.append(Clause("eventType", EVENT_TYPE_IN, wanted.included_event_types))
    if wanted.subject_begins_with:
        clauses.append(Clause("subject", SUBJECT_BEGINS_WITH, wanted.subject_begins_with, is_exact))
    if wanted.subject_ends_with:
        clauses.append(Clause("subject", SUBJECT_ENDS_WITH, wanted.subject_ends_with, is_exact))
    for one in wanted.advanced_filters:
        expected = _frozen(one.value if one.values is None else one.values)
        clauses.append(Clause(one.key, one.operator, expected, on_arrays=on_arrays))
    return tuple(clauses)


def _frozen(value: object) -> object:
    """Return an operand so that it can be hashed; a filter that was stored may hold anything."""
    match value:
        case list() | tuple():
            return tuple(map(_frozen, value))
        case dict():
            return tuple((name, _frozen(member)) for name, member in value.items())
        case _:
            return value
