"""Clauses: a filter as a list of conditions that must all hold, each with an identity that `explain` can name."""

from dataclasses import dataclass
from typing import Final

from topics.subscriptions import Filter

EVENT_TYPE_IN: Final = "EventTypeIn"
SUBJECT_BEGINS_WITH: Final = "SubjectBeginsWith"
SUBJECT_ENDS_WITH: Final = "SubjectEndsWith"


@dataclass(frozen=True, slots=True)
class Clause:
    """One condition: the value at `path` stands in the relation `operator` to what is `expected`."""

    path: str
    operator: str
    expected: object
    case_sensitive: bool = False


def clauses_of(wanted: Filter) -> tuple[Clause, ...]:
    """Return the clauses of a filter, in the order in which `explain` shows them (design §6)."""
    clauses = []
    if wanted.included_event_types:
        clauses.append(Clause("eventType", EVENT_TYPE_IN, wanted.included_event_types))
    for operator, text in (
        (SUBJECT_BEGINS_WITH, wanted.subject_begins_with),
        (SUBJECT_ENDS_WITH, wanted.subject_ends_with),
    ):
        if text:
            clauses.append(Clause("subject", operator, text, wanted.is_subject_case_sensitive))
    return tuple(clauses)
