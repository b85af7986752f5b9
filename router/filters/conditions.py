"""Conditions: clauses compiled to predicates. The index and `explain` use these same ones, so they cannot disagree."""

from bisect import bisect_left
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from math import isnan
from typing import Any, Final

from router.filters.clauses import Clause
from router.filters.letters import fold
from router.filters.operators import BASIC, EVENT_TYPE_IN, Operand, Operator, Relation, find_operator
from router.filters.values import Elements, elements_of, json_text

Predicate = Callable[[Any], bool]
"""Says of the value seen (None when there is none) whether a clause holds."""

_REMEMBERED: Final = 16
_LONGEST_REMEMBERED: Final = 64


class Condition:
    """A clause, ready to be asked: `accepts` says of the value seen whether it holds.

    `operator` is None when the clause can never hold. `operands` are its values, text folded and each once; the index
    files conditions by them. Most are never asked, so the predicate is made when it is.
    """

    __slots__ = ("_accepts", "_expected", "case_sensitive", "on_arrays", "operands", "operator")

    def __init__(self, clause: Clause) -> None:
        self.operator, given = _sound(clause)
        self.on_arrays = clause.on_arrays
        self.case_sensitive = clause.case_sensitive
        self.operands: tuple[Any, ...] = given
        if self.operator is not None and self.operator.operand == "text":
            self.operands = (fold(given[0]),) if len(given) == 1 else tuple(dict.fromkeys(map(fold, given)))
        self._expected = given
        self._accepts: Predicate | None = None

    @property
    def accepts(self) -> Predicate:
        """The predicate."""
        if self._accepts is None:
            self._accepts = self._predicate()
        return self._accepts

    @property
    def identity(self) -> Hashable:
        """What conditions that ask the same have in common."""
        operands = self._expected if self.case_sensitive else self.operands
        return self.operator and self.operator.name, operands, self.on_arrays, self.case_sensitive

    def _predicate(self) -> Predicate:
        operator = self.operator
        if operator is None:
            return _never
        if operator.operand is None:
            is_wanted = not operator.is_negated
            return lambda value: (value is None) is is_wanted
        if self.case_sensitive:
            return _exactly(operator, self._expected[0])
        if operator.name == EVENT_TYPE_IN:
            return _one_of(self.operands)
        return _FAMILIES[operator.operand](operator, self.operands, self.on_arrays)


def _sound(clause: Clause) -> tuple[Operator | None, tuple[Any, ...]]:
    """Return the operator and operands of a clause; no operator if it makes no sense."""
    operator = BASIC.get(clause.operator) or find_operator(clause.operator)
    if operator is None or operator.operand is None:
        return operator, ()
    given = clause.expected if operator.member == "values" else (clause.expected,)
    if not isinstance(given, tuple) or not given:
        return None, ()
    for one in given:
        if not _is_sound(one, operator.operand):
            return None, ()
    return operator, given


def _never(_value: object) -> bool:
    return False


def _is_sound(operand: object, kind: Operand | None) -> bool:
    match operand:
        case str():
            return kind == "text"
        case bool():
            return kind == "truth"
        case int() | float():
            return kind == "number" and not _is_nan(operand)
        case (bool(), _) | (_, bool()):
            return False
        case (int() | float(), int() | float()):
            return kind == "range" and not any(map(_is_nan, operand))
        case _:
            return False


def _is_nan(number: object) -> bool:
    return isinstance(number, float) and isnan(number)


def _exactly(operator: Operator, wanted: str) -> Predicate:
    """The basic filter's subject with regard to case."""
    if operator.relation is Relation.BEGINS:
        return lambda value: value.startswith(wanted)
    return lambda value: value.endswith(wanted)


def _one_of(wanted: tuple[str, ...]) -> Predicate:
    """The basic filter's types: an event's is always a text, and asked about more often than anything else."""
    among = frozenset(wanted)
    return _Verdicts(lambda text: fold(text) in among).__getitem__


def _of_texts(operator: Operator, wanted: tuple[str, ...], on_arrays: bool) -> Predicate:  # noqa: FBT001 (all three)
    passes, passes_any = _text_tests(operator.relation, wanted)
    is_negated, if_missing = operator.is_negated, operator.matches_missing
    verdicts = _Verdicts(lambda text: passes(fold(text)) is not is_negated)

    def accepts(value: Any) -> bool:  # noqa: ANN401 (any JSON)
        if value.__class__ is str:
            return verdicts[value]
        if value is None:
            return if_missing
        if value.__class__ is list:
            return on_arrays and passes_any(elements_of(value).texts) is not is_negated
        text = json_text(value)
        return (text is not None and passes(fold(text))) is not is_negated

    return accepts


class _Verdicts(dict[str, bool]):
    """Remembers the verdicts on the first few texts: what a condition is asked about tends to be a name of few."""

    def __init__(self, passes: Callable[[str], bool]) -> None:
        super().__init__()
        self._passes = passes

    def __missing__(self, text: str) -> bool:
        verdict = self._passes(text)
        if len(self) < _REMEMBERED and len(text) < _LONGEST_REMEMBERED:
            self[text] = verdict
        return verdict


def _text_tests(relation: Relation, wanted: tuple[str, ...]) -> tuple[Predicate, Predicate]:
    if relation is Relation.IN:
        among = frozenset(wanted)
        return among.__contains__, lambda texts: not among.isdisjoint(texts)
    if relation is Relation.BEGINS:
        passes = partial(_begins, wanted)
    elif relation is Relation.ENDS:
        passes = partial(_ends, wanted)
    else:
        passes = partial(_contains, wanted)
    return passes, lambda texts: any(map(passes, texts))


def _begins(wanted: tuple[str, ...], text: str) -> bool:
    return text.startswith(wanted)


def _ends(wanted: tuple[str, ...], text: str) -> bool:
    return text.endswith(wanted)


def _contains(wanted: tuple[str, ...], text: str) -> bool:
    return any(one in text for one in wanted)


def _of_numbers(operator: Operator, wanted: tuple[Any, ...], on_arrays: bool) -> Predicate:  # noqa: FBT001 (all three)
    passes, passes_any = _number_tests(operator.relation, wanted)
    is_negated, if_missing = operator.is_negated, operator.matches_missing

    def accepts(value: Any) -> bool:  # noqa: ANN401 (any JSON)
        if value.__class__ is float or value.__class__ is int:
            return passes(value) is not is_negated
        if value is None:
            return if_missing
        if value.__class__ is list:
            return on_arrays and passes_any(elements_of(value)) is not is_negated
        return is_negated

    return accepts


def _number_tests(relation: Relation, wanted: tuple[Any, ...]) -> tuple[Predicate, Callable[[Elements], bool]]:
    one = wanted[0]
    match relation:
        case Relation.IN:
            among = frozenset(wanted)
            return among.__contains__, lambda elements: not among.isdisjoint(elements.numbers)
        case Relation.LESS:
            return lambda value: value < one, lambda elements: any(number < one for number in elements.numbers[:1])
        case Relation.AT_MOST:
            return lambda value: value <= one, lambda elements: any(number <= one for number in elements.numbers[:1])
        case Relation.GREATER:
            return lambda value: value > one, lambda elements: any(number > one for number in elements.numbers[-1:])
        case Relation.AT_LEAST:
            return lambda value: value >= one, lambda elements: any(number >= one for number in elements.numbers[-1:])
        case _:
            return partial(_within, wanted), lambda elements: _any_within(wanted, elements.numbers)


def _within(ranges: Sequence[tuple[float, float]], value: float) -> bool:
    return any(low <= value <= high for low, high in ranges)


def _any_within(ranges: Sequence[tuple[float, float]], numbers: list[float]) -> bool:
    for low, high in ranges:
        place = bisect_left(numbers, low)
        if place < len(numbers) and numbers[place] <= high:
            return True
    return False


def _of_truths(_operator: Operator, wanted: tuple[bool, ...], on_arrays: bool) -> Predicate:  # noqa: FBT001 (all three)
    (one,) = wanted

    def accepts(value: Any) -> bool:  # noqa: ANN401 (any JSON)
        if value.__class__ is list:
            return on_arrays and one in elements_of(value).truths
        return value is one

    return accepts


_FAMILIES: Final[dict[str, Callable[[Operator, tuple[Any, ...], bool], Predicate]]] = {
    "text": _of_texts,
    "number": _of_numbers,
    "range": _of_numbers,
    "truth": _of_truths,
}
