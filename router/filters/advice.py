"""Advice on filters before events come: what can never match, what another filter covers, what nothing narrows down.

Only what is certain is said. With filtering on arrays one element may satisfy one clause and another element the next,
so clauses on the same key are compared only without it.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any, Final

from router.filters.clauses import Clause
from router.filters.letters import fold
from router.filters.operators import BASIC, Relation, find_operator

Interval = tuple[float, float]
_EVERYTHING: Final[Interval] = (float("-inf"), float("inf"))


def never_matches(clauses: Sequence[Clause]) -> str | None:
    """Return why no event can match, or None when one may."""
    by_place: dict[tuple[bool, str], list[Clause]] = defaultdict(list)
    for clause in clauses:
        if not clause.on_arrays and not clause.case_sensitive:
            by_place[_place(clause)].append(clause)
    for of_one_key in by_place.values():
        for find in (_no_number, _no_text, _null_and_something, _no_truth):
            reason = find(of_one_key)
            if reason is not None:
                return reason
    return None


def only_negations(clauses: Sequence[Clause]) -> bool:
    """Say whether there are clauses and all of them say only what an event must not be."""
    return bool(clauses) and all(_is_negated(clause) for clause in clauses)


def covers(wide: Sequence[Clause], narrow: Sequence[Clause]) -> bool:
    """Say whether every event that matches `narrow` certainly matches `wide` too."""
    return all(any(_implies(given, asked) for given in narrow) for asked in wide)


def _place(clause: Clause) -> tuple[bool, str]:
    """Return where a clause looks; of two that look at the same place it is certain that they see the same value.

    An event may have both `x` and `X`, and a member that an alias of the envelope would stand for.
    """
    return clause.operator in BASIC, clause.path


def _relation(clause: Clause) -> Relation | None:
    operator = BASIC.get(clause.operator) or find_operator(clause.operator)
    return None if operator is None else operator.relation


def _is_negated(clause: Clause) -> bool:
    operator = find_operator(clause.operator)
    if operator is None:
        return False
    return operator.is_negated if operator.relation is not Relation.NULL else not operator.is_negated


def _texts(clause: Clause, *, as_written: bool = False) -> list[str] | None:
    values = clause.expected if isinstance(clause.expected, tuple) else (clause.expected,)
    if not all(isinstance(value, str) for value in values):
        return None
    return [*values] if as_written else [*map(fold, values)]


def _number(value: object) -> Any:  # noqa: ANN401 (int or float, compared exactly)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _intervals(clause: Clause) -> list[Interval] | None:
    """Return where a number may lie, ends included; None when the clause says nothing of numbers."""
    if _is_negated(clause):
        return None
    relation, value = _relation(clause), _number(clause.expected)
    if value is not None:
        if relation in (Relation.LESS, Relation.AT_MOST):
            return [(_EVERYTHING[0], value)]
        if relation in (Relation.GREATER, Relation.AT_LEAST):
            return [(value, _EVERYTHING[1])]
    if isinstance(clause.expected, tuple) and "Number" in clause.operator:
        pairs = [one if isinstance(one, tuple) else (one, one) for one in clause.expected]
        return [(low, high) for low, high in pairs if _number(low) is not None and _number(high) is not None]
    return None


def _no_number(clauses: Sequence[Clause]) -> str | None:
    held: list[tuple[Clause, list[Interval]]] = []
    for clause in clauses:
        intervals = _intervals(clause)
        if intervals is None:
            continue
        for other, its in held:
            if not any(_meet(one, two, clause, other) for one in intervals for two in its):
                return f"no number satisfies both {_words(other)} and {_words(clause)}"
        held.append((clause, intervals))
    return None


def _meet(one: Interval, two: Interval, first: Clause, second: Clause) -> bool:
    low, high = max(one[0], two[0]), min(one[1], two[1])
    if low == high:
        # A single number is left: neither side may exclude it.
        return not any(_relation(c) in (Relation.LESS, Relation.GREATER) and c.expected == low for c in (first, second))
    return low < high


def _no_text(clauses: Sequence[Clause]) -> str | None:
    sets = [(clause, texts) for clause in clauses if not _is_negated(clause) and (texts := _texts(clause)) is not None]
    for place, (clause, texts) in enumerate(sets):
        for other, its in sets[:place]:
            fits = _TEXTS.get((_relation(other), _relation(clause))) or _flipped(other, clause)
            if fits is not None and not any(fits(one, two) for one in its for two in texts):
                return f"no text satisfies both {_words(other)} and {_words(clause)}"
    return None


_TEXTS: Final[dict[tuple[Relation | None, Relation | None], Callable[[str, str], bool]]] = {
    (Relation.IN, Relation.IN): lambda one, two: one == two,
    (Relation.IN, Relation.BEGINS): lambda one, two: one.startswith(two),
    (Relation.IN, Relation.ENDS): lambda one, two: one.endswith(two),
    (Relation.IN, Relation.CONTAINS): lambda one, two: two in one,
    (Relation.BEGINS, Relation.BEGINS): lambda one, two: one.startswith(two) or two.startswith(one),
    (Relation.ENDS, Relation.ENDS): lambda one, two: one.endswith(two) or two.endswith(one),
}
"""Whether one text can stand in both relations; pairs that are not here always can."""


def _flipped(first: Clause, second: Clause) -> Callable[[str, str], bool] | None:
    fits = _TEXTS.get((_relation(second), _relation(first)))
    return None if fits is None else lambda one, two: fits(two, one)


def _null_and_something(clauses: Sequence[Clause]) -> str | None:
    nulls = [c for c in clauses if _relation(c) is Relation.NULL and not _demands_a_value(c)]
    others = [c for c in clauses if _demands_a_value(c)]
    if nulls and others:
        return f"a key that is null or undefined never satisfies {_words(others[0])}"
    return None


def _demands_a_value(clause: Clause) -> bool:
    operator = BASIC.get(clause.operator) or find_operator(clause.operator)
    # The subject of an event that has none is empty, so the basic filter demands nothing.
    return operator is not None and clause.operator not in BASIC and not operator.matches_missing


def _no_truth(clauses: Sequence[Clause]) -> str | None:
    asked = {c.expected for c in clauses if _relation(c) is Relation.EQUALS and isinstance(c.expected, bool)}
    return f"{clauses[0].path} cannot be both true and false" if len(asked) > 1 else None


def _implies(given: Clause, asked: Clause) -> bool:
    """Say whether a value that satisfies `given` certainly satisfies `asked`."""
    if given == asked:
        return True
    if _place(given) != _place(asked) or given.on_arrays != asked.on_arrays:
        return False
    if _is_negated(given) or _is_negated(asked) or (asked.case_sensitive and not given.case_sensitive):
        return False
    mine, its = _intervals(given), _intervals(asked)
    if mine is not None and its is not None:
        return all(any(_inside(one, two, given, asked) for two in its) for one in mine)
    return _text_implies(given, asked)


def _inside(one: Interval, two: Interval, given: Clause, asked: Clause) -> bool:
    strict = {Relation.LESS, Relation.GREATER}
    if _relation(asked) in strict and _relation(given) not in strict and asked.expected in one:
        return False
    return two[0] <= one[0] and one[1] <= two[1]


def _text_implies(given: Clause, asked: Clause) -> bool:
    # Where letters count for what is asked, they count for what is given, too.
    mine, its = (_texts(clause, as_written=asked.case_sensitive) for clause in (given, asked))
    if mine is None or its is None:
        return False
    known = {
        (Relation.IN, Relation.IN): lambda text: text in its,
        (Relation.IN, Relation.BEGINS): lambda text: any(text.startswith(other) for other in its),
        (Relation.IN, Relation.ENDS): lambda text: any(text.endswith(other) for other in its),
        (Relation.BEGINS, Relation.BEGINS): lambda text: any(text.startswith(other) for other in its),
        (Relation.ENDS, Relation.ENDS): lambda text: any(text.endswith(other) for other in its),
    }
    holds = known.get((_relation(given), _relation(asked)))  # type: ignore[arg-type]  # None is in no key
    return holds is not None and all(map(holds, mine))


def _words(clause: Clause) -> str:
    expected = clause.expected
    values = ", ".join(map(str, expected)) if isinstance(expected, tuple) else str(expected)
    return f"{clause.path} {clause.operator} {values}"
