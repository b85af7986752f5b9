"""Explain: why an event matches a filter or not, clause by clause, by the very conditions that the index asks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from router.filters.clauses import Clause
from router.filters.conditions import Condition
from router.filters.envelopes import Event, schema_of, slot_of, values_of
from router.filters.paths import Paths, read_members


class _Missing:
    def __repr__(self) -> str:
        return "missing"


MISSING: Final = _Missing()
"""What is seen where an event has nothing."""


@dataclass(frozen=True, slots=True)
class ExplainedClause:
    """One clause, the value that was seen (`MISSING` when there was none), and whether it holds."""

    path: str
    operator: str
    expected: object
    actual: object
    matches: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """What became of each clause; an event matches when all hold."""

    clauses: tuple[ExplainedClause, ...]

    @property
    def matches(self) -> bool:
        """Whether the event matches."""
        return self.first_failed is None

    @property
    def first_failed(self) -> int | None:
        """The place of the first clause that does not hold."""
        return next((place for place, clause in enumerate(self.clauses) if not clause.matches), None)

    @property
    def nearness(self) -> float:
        """The share of clauses that hold: 1 is a match, and the greater the nearer."""
        held = sum(clause.matches for clause in self.clauses)
        return held / len(self.clauses) if self.clauses else 1.0


def explain(clauses: Sequence[Clause], envelope: Event, body: bytes | None) -> Explanation:
    """Return the verdict of each clause on one event; `body` is its JSON, structured if it is a CloudEvent."""
    conditions = [Condition(clause) for clause in clauses]
    paths = Paths()
    slots = [slot_of(clause, paths) for clause in clauses]
    values = values_of(envelope, read_members(body), schema_of(envelope), paths, MISSING)
    return Explanation(
        tuple(
            ExplainedClause(
                path=clause.path,
                operator=clause.operator,
                expected=clause.expected,
                actual=values[slot],
                matches=condition.accepts(None if values[slot] is MISSING else values[slot]),
            )
            for clause, condition, slot in zip(clauses, conditions, slots, strict=True)
        )
    )
