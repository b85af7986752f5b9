"""Collecting: one event's values looked up in the tables of a node."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from router.filters.letters import fold
from router.filters.requirements import AnchorKind
from router.filters.tables import Exact, Hit, Table, run
from router.filters.values import elements_of, text_of

Find = Callable[[Any], Sequence[Hit]]
_MANY: Final = 12


class Plan:
    """How an event is looked up in a node: table by table, by how the tables want the value."""

    __slots__ = ("affixes", "asked", "exact", "numbers")

    def __init__(self, tables: Mapping[tuple[AnchorKind, int, bool], Table], asked: Sequence[Hit]) -> None:
        self.asked = asked
        self.exact: list[tuple[int, dict[str, Sequence[Hit]], _OtherTexts]] = []
        self.numbers: list[tuple[int, Find, _OtherNumbers]] = []
        affixes: dict[tuple[int, bool], list[Find]] = {}
        for (kind, slot, on_arrays), table in tables.items():
            if kind == "numbers":
                self.numbers.append((slot, table.find, _OtherNumbers(table.find, on_arrays=on_arrays)))
            elif isinstance(table, Exact):
                by_letters = table.by_letters
                other = _OtherTexts([by_letters.__getitem__], is_folded=False, on_arrays=on_arrays)
                self.exact.append((slot, by_letters, other))
            else:
                affixes.setdefault((slot, on_arrays), []).append(table.find)
        self.affixes = [
            (slot, finds, _OtherTexts(finds, is_folded=True, on_arrays=on_arrays))
            for (slot, on_arrays), finds in affixes.items()
        ]

    def collect(self, values: list[Any], found: list[Any]) -> None:
        """Add the targets of all subscriptions of the node that match."""
        hits = [*self.asked]
        for slot, by_letters, other in self.exact:
            value = values[slot]
            if value.__class__ is str:
                hits += by_letters[value]
            elif value is not None:
                other.collect(value, values, found)
        if self.affixes:
            self._look_up_affixes(hits, values, found)
        if self.numbers:
            self._look_up_numbers(hits, values, found)
        if hits:
            settle(hits, values, found)

    def _look_up_affixes(self, hits: list[Hit], values: list[Any], found: list[Any]) -> None:
        for slot, finds, other in self.affixes:
            value = values[slot]
            if value.__class__ is str:
                text = fold(value)
                for find in finds:
                    hits += find(text)
            elif value is not None:
                other.collect(value, values, found)

    def _look_up_numbers(self, hits: list[Hit], values: list[Any], found: list[Any]) -> None:
        for slot, find, others in self.numbers:
            value = values[slot]
            if value.__class__ is float or value.__class__ is int:
                hits += find(value)
            elif value.__class__ is list:
                others.collect(value, values, found)


class _OtherTexts:
    """Looks up by text what is no string: a scalar's JSON text, or the strings of an array."""

    __slots__ = ("_finds", "_is_folded", "_on_arrays")

    def __init__(self, finds: Sequence[Find], *, is_folded: bool, on_arrays: bool) -> None:
        self._finds = finds
        self._is_folded = is_folded
        self._on_arrays = on_arrays

    def collect(self, value: Any, values: list[Any], found: list[Any]) -> None:  # noqa: ANN401 (any JSON)
        """Add the targets of those that match."""
        if value.__class__ is not list:
            text = text_of(value)
            texts = [] if text is None else [text]
        elif not self._on_arrays:
            return
        else:
            texts = [element for element in value if element.__class__ is str]
            if self._is_folded:
                texts = [fold(text) for text in texts]
        for find in self._finds:
            _collect_any(find, texts, values, found)


class _OtherNumbers:
    """Looks up the numbers of an array."""

    __slots__ = ("_find", "_on_arrays")

    def __init__(self, find: Find, *, on_arrays: bool) -> None:
        self._find = find
        self._on_arrays = on_arrays

    def collect(self, value: list[Any], values: list[Any], found: list[Any]) -> None:
        """Add the targets of those that match."""
        if self._on_arrays:
            _collect_any(self._find, elements_of(value).numbers, values, found)


def _collect_any(find: Find, elements: Iterable[Any], values: list[Any], found: list[Any]) -> None:
    """Look up each element; a subscription that two of them find is found once."""
    findings = [hits for hits in map(find, elements) if hits]
    if len(findings) == 1:
        run(findings[0], values, found)
    elif findings:
        collected: list[Any] = []
        _run_many([hit for hits in findings for hit in hits], values, collected)
        found += dict.fromkeys(collected)


def settle(hits: Sequence[Hit], values: list[Any], found: list[Any]) -> None:
    """Add the targets of those hits for which all holds that is left to ask."""
    if len(hits) > _MANY:
        _run_many(hits, values, found)
    else:
        run(hits, values, found)


def _run_many(hits: Sequence[Hit], values: list[Any], found: list[Any]) -> None:
    """Do as `run` does, but ask each question once."""
    verdicts: dict[Any, bool] = {}
    for checks, targets, collect in hits:
        for slot, accepts in checks:
            verdict = verdicts.get(accepts)
            if verdict is None:
                verdict = verdicts[accepts] = accepts(values[slot])
            if not verdict:
                break
        else:
            if targets is not None:
                found += targets
            elif collect is not None:
                collect(values, found)
