"""Collecting: one event's values looked up in the tables of a node."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from router.filters.affixes import Beginnings, Gate, Parts
from router.filters.letters import fold
from router.filters.requirements import AnchorKind
from router.filters.tables import Exact, Find, Hit, Table, Targets, run
from router.filters.values import Sparse, Values, elements_of, text_of

Place = tuple[AnchorKind, int, bool]
"""Which table of a node: how it finds, in which slot, and whether arrays are looked into."""
MANY: Final = 12
"""Of more hits than these each question is asked once."""
MOST_TABLES: Final = 32


class Plan:
    """How an event is looked up in a node: table by table, by how the tables want the value."""

    __slots__ = ("_by_slot", "affixes", "asked", "exact", "gates", "numbers", "parts", "present")

    def __init__(self, tables: Mapping[Place, Table], asked: Sequence[Hit]) -> None:
        self.asked = asked
        self.present: list[tuple[int, Sequence[Hit]]] = []
        self.exact: list[tuple[int, dict[str, Sequence[Hit]], _OtherTexts]] = []
        self.numbers: list[tuple[int, Find, _OtherNumbers]] = []
        self.affixes: list[tuple[int, list[Find], _OtherTexts]] = []
        self.parts: dict[Find, Parts] = {}
        self.gates: dict[Find, Gate] = {}
        """Of those of `affixes` that have them."""
        self._by_slot = _BySlot(tables) if len(tables) > MOST_TABLES else None
        if self._by_slot is None:
            self._arrange(tables)

    @property
    def is_large(self) -> bool:
        """Whether there are so many tables that they are sought by the values that there are."""
        return self._by_slot is not None

    def _arrange(self, tables: Mapping[Place, Table]) -> None:
        affixes: dict[tuple[int, bool], list[Find]] = {}
        for (kind, slot, on_arrays), table in tables.items():
            if kind == "present":
                self.present.append((slot, table.find(None)))
            elif kind == "numbers":
                self.numbers.append((slot, table.find, _OtherNumbers(table.find, on_arrays=on_arrays)))
            elif isinstance(table, Exact):
                by_letters = table.by_letters
                other = _OtherTexts([by_letters.__getitem__], is_folded=False, on_arrays=on_arrays)
                self.exact.append((slot, by_letters, other))
            else:
                find = table.find
                affixes.setdefault((slot, on_arrays), []).append(find)
                if isinstance(table, Beginnings):
                    self.parts[find] = table.parts
                    if table.gate is not None:
                        self.gates[find] = table.gate
        for (slot, on_arrays), finds in affixes.items():
            self.affixes.append((slot, finds, _OtherTexts(finds, is_folded=True, on_arrays=on_arrays)))

    def collect(self, values: Values) -> Targets:
        """Return the targets of all subscriptions of the node that match; nobody may change what is returned."""
        found: list[Any] = []
        hits = [*self.asked]
        if self._by_slot is not None:
            self._by_slot.collect(values, found)
        for slot, more in self.present:
            hits += more if values[slot] is not None else ()
        for slot, by_letters, other in self.exact:
            value = values[slot]
            if value.__class__ is str:
                hits += by_letters[value]
            else:
                other.collect(value, values, found)
        if self.affixes:
            self._look_up_affixes(hits, values, found)
        if self.numbers:
            self._look_up_numbers(hits, values, found)
        return settle(hits, values, found) if hits else found

    def _look_up_affixes(self, hits: list[Hit], values: Values, found: list[Any]) -> None:
        for slot, finds, other in self.affixes:
            value = values[slot]
            if value.__class__ is str:
                text = fold(value)
                for find in finds:
                    hits += find(text)
            elif value is not None:
                other.collect(value, values, found)

    def _look_up_numbers(self, hits: list[Hit], values: Values, found: list[Any]) -> None:
        for slot, find, others in self.numbers:
            value = values[slot]
            if value.__class__ is float or value.__class__ is int:
                hits += find(value)
            elif value.__class__ is list:
                others.collect(value, values, found)


class _BySlot:
    """Plans of very many tables, made for a slot when an event has something there."""

    __slots__ = ("_plans", "_tables")

    def __init__(self, tables: Mapping[Place, Table]) -> None:
        self._tables: dict[int, dict[Place, Table]] = {}
        for place, table in tables.items():
            self._tables.setdefault(place[1], {})[place] = table
        self._plans: dict[int, Plan] = {}

    def collect(self, values: Values, found: list[Any]) -> None:
        """Add the targets of all subscriptions in the tables that match."""
        if isinstance(values, Sparse):
            slots: Collection[int] = values.keys() & self._tables.keys()
        else:
            slots = self._tables.keys()
        for slot in slots:
            if values[slot] is not None:
                plan = self._plans.get(slot)
                if plan is None:
                    plan = self._plans[slot] = Plan(self._tables[slot], ())
                found += plan.collect(values)


class _OtherTexts:
    """Looks up by text what is no string: a scalar's JSON text, or the strings of an array."""

    __slots__ = ("_finds", "_is_folded", "_on_arrays")

    def __init__(self, finds: Sequence[Find], *, is_folded: bool, on_arrays: bool) -> None:
        self._finds = finds
        self._is_folded = is_folded
        self._on_arrays = on_arrays

    def collect(self, value: Any, values: Values, found: list[Any]) -> None:  # noqa: ANN401 (any JSON)
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

    def collect(self, value: list[Any], values: Values, found: list[Any]) -> None:
        """Add the targets of those that match."""
        if self._on_arrays:
            _collect_any(self._find, elements_of(value).numbers, values, found)


def _collect_any(find: Find, elements: Iterable[Any], values: Values, found: list[Any]) -> None:
    """Look up each element; a subscription that two of them find is found once."""
    findings = [hits for hits in map(find, elements) if hits]
    if len(findings) == 1:
        run(findings[0], values, found)
    elif findings:
        collected: list[Any] = []
        _run_many([hit for hits in findings for hit in hits], values, collected)
        found += dict.fromkeys(collected)


def settle(hits: Sequence[Hit], values: Values, found: list[Any]) -> Targets:
    """Return what was found, and the targets of those hits for which all holds that is left to ask.

    A single hit's targets need not be copied, however many they are.
    """
    if len(hits) == 1 and not found:
        checks, targets, collect = hits[0]
        for slot, accepts in checks:
            if not accepts(values[slot]):
                return found
        if targets is not None:
            return targets
        return found if collect is None else collect(values)
    if len(hits) > MANY:
        _run_many(hits, values, found)
    else:
        run(hits, values, found)
    return found


def _run_many(hits: Sequence[Hit], values: Values, found: list[Any]) -> None:
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
                found += collect(values)
