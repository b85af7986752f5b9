"""Needles: from a text to the subscriptions that want one that contains something, by one search for all of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final

from router.filters.automata import Automaton, Occurrence, is_searchable
from router.filters.tables import Bucket, Find, Hit, Merged, Targets, run
from router.filters.values import Values

_FEW: Final = 16
"""So many new operands are looked for one by one."""
_SHARE: Final = 32
_MANY: Final = 64
_MOST_TOGETHER: Final = 64
_NUMBER: Final[Callable[[Occurrence], int]] = itemgetter(0)
_LARGEST_REBUILT: Final = 4096
"""An automaton for so many is built in a few milliseconds; a larger one is left as it is."""


class Needles:
    """Buckets by what a text must contain, of subscriptions with one such operand.

    Most operands are compiled into automata, which copies share; new ones are looked for one by one, being few.
    """

    __slots__ = ("_automata", "_buckets", "_findings", "_fresh", "_odd", "epoch")

    def __init__(self, epoch: object) -> None:
        self.epoch = epoch
        self._buckets: dict[str, Any] = {}
        self._automata: list[Automaton] = []
        self._fresh: dict[str, None] = {}
        self._odd: dict[str, None] = {}
        self._findings: list[_Findings] = []

    def __len__(self) -> int:
        return len(self._buckets)

    def copy(self, epoch: object) -> "Needles":
        """Return a copy that may change during `epoch`."""
        copy = type(self)(epoch)
        copy._buckets = self._buckets.copy()  # noqa: SLF001 (its own class)
        copy._automata = self._automata  # noqa: SLF001 (its own class)
        copy._fresh = self._fresh.copy()  # noqa: SLF001 (its own class)
        copy._odd = self._odd.copy()  # noqa: SLF001 (its own class)
        return copy

    def get(self, operand: str) -> Any:  # noqa: ANN401 (the node's bucket)
        """Return the bucket of an operand, or None."""
        return self._buckets.get(operand)

    def put(self, operand: str, bucket: Bucket) -> None:
        """File a bucket."""
        if operand not in self._buckets:
            if not is_searchable(operand):
                self._odd[operand] = None
            elif not any(operand in automaton.numbers for automaton in self._automata):
                self._fresh[operand] = None
        self._buckets[operand] = bucket

    def drop(self, operand: str) -> None:
        """Forget the bucket of an operand."""
        del self._buckets[operand]
        self._fresh.pop(operand, None)
        self._odd.pop(operand, None)

    @property
    def find(self) -> Find:
        """Finds what is filed at any operand that a text contains."""
        return self._find

    def _find(self, text: str) -> Sequence[Hit]:
        if len(self._fresh) > _FEW and self._is_stale():
            self._compile()
        if len(self._findings) != len(self._automata):
            self._findings = [_Findings(automaton, self._buckets) for automaton in self._automata]
        if len(self._automata) == 1 and not self._fresh and not self._odd:
            return self._findings[0].hits(text)
        hits: list[Hit] = []
        for findings in self._findings:
            hits += findings.hits(text)
        if self._fresh or self._odd:
            for needle in (*self._fresh, *self._odd):
                if needle in text:
                    hits += self._buckets[needle].hits
        return hits

    def _is_stale(self) -> bool:
        last = len(self._automata[-1].needles) if self._automata else 0
        return len(self._fresh) > min(_MANY, last // _SHARE)

    def _compile(self) -> None:
        """Build the newest automaton anew, with what is fresh; or another, once it is large."""
        needles = list(self._fresh)
        automata = [automaton for automaton in self._automata if self._is_used(automaton)]
        needles += [
            needle
            for automaton in self._automata
            if automaton not in automata or (automaton is automata[-1] and len(automaton.needles) < _LARGEST_REBUILT)
            for needle in automaton.needles
            if needle in self._buckets
        ]
        if automata and len(automata[-1].needles) < _LARGEST_REBUILT:
            automata.pop()
        self._automata, self._fresh, self._findings = [*automata, Automaton(needles)], {}, []

    def _is_used(self, automaton: Automaton) -> bool:
        return sum(needle in self._buckets for needle in automaton.needles) * 2 > len(automaton.needles)


class SharedNeedles(Needles):
    """Buckets of subscriptions with several such operands: one that is found by two of them is found once."""

    __slots__ = ()

    @property
    def find(self) -> Find:
        """Finds what is filed at any operand that a text contains."""
        return self._find_once

    def _find_once(self, text: str) -> Sequence[Hit]:
        hits = self._find(text)
        return [((), None, _Once(hits).collect)] if len(hits) > 1 else hits


class _Findings:
    """What is filed at the needles of an automaton, by what it found."""

    __slots__ = ("_automaton", "_buckets", "_by_longest", "_known")

    def __init__(self, automaton: Automaton, buckets: Mapping[str, Any]) -> None:
        self._automaton = automaton
        self._buckets = buckets
        self._known = Merged()
        self._known[()] = ()
        self._by_longest = Merged()

    def hits(self, text: str) -> Sequence[Hit]:
        """Return what is filed at the needles in a text; the same needles are found together again and again."""
        needles = self._automaton.search_texts(text)
        if needles is None:
            return self._hits_of(self._automaton.search_any(text))
        hits = self._known.get(needles)
        if hits is None:
            hits = self._seek(text)
            if len(needles) <= _MOST_TOGETHER:
                hits = self._known.keep(needles, hits)
        return hits

    def _seek(self, text: str) -> list[Hit]:
        found = self._automaton.search(text)
        numbers = dict.fromkeys(map(_NUMBER, found))
        return self._by_ends(found) if len(numbers) == len(found) else self._hits_of(numbers)

    def _by_ends(self, found: list[Occurrence]) -> list[Hit]:
        """Of the needles that end at one place the longest comes first, and with it always come the others."""
        hits: list[Hit] = []
        last = -1
        for number, _, end in found:
            if end != last:
                last = end
                more = self._by_longest.get(number)
                if more is None:
                    together = [one for one, _, stop in found if stop == end]
                    more = self._by_longest.keep(number, self._hits_of(together))
                hits += more
        return hits

    def _hits_of(self, numbers: Iterable[int]) -> list[Hit]:
        needles, buckets = self._automaton.needles, self._buckets
        return [hit for number in numbers if (bucket := buckets.get(needles[number])) for hit in bucket.hits]


class _Once:
    """What several operands found at once."""

    __slots__ = ("_hits",)

    def __init__(self, hits: Sequence[Hit]) -> None:
        self._hits = hits

    def collect(self, values: Values) -> Targets:
        """Return the targets of those that match, each once."""
        collected: list[Any] = []
        run(self._hits, values, collected)
        return [*dict.fromkeys(collected)]
