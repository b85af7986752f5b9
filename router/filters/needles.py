"""Needles: from a text to the subscriptions that want one that contains something, by one search for all of it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from ahocorasick_rs import AhoCorasick, Implementation

from router.filters.tables import Bucket, Hit, run

_FEW: Final = 16
"""So many are looked for one by one."""
_LARGEST: Final = 4096
"""An automaton for so many is built in a few milliseconds."""
_LONGEST: Final = 512
_WINDOW: Final = 2048
_FLOOD: Final = 50_000


class Needles:
    """Buckets by what a text must contain.

    Most operands are compiled into automata, which copies share; new ones are looked for one by one until they are many.
    """

    __slots__ = ("_automata", "_buckets", "_fresh", "epoch")

    def __init__(self, epoch: object) -> None:
        self.epoch = epoch
        self._buckets: dict[str, Any] = {}
        self._automata: tuple[_Automaton, ...] = ()
        self._fresh: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def copy(self, epoch: object) -> "Needles":
        """Return a copy that may change during `epoch`."""
        copy = Needles(epoch)
        copy._buckets = self._buckets.copy()  # noqa: SLF001 (its own class)
        copy._automata = self._automata  # noqa: SLF001 (its own class)
        copy._fresh = self._fresh.copy()  # noqa: SLF001 (its own class)
        return copy

    def get(self, operand: str) -> Any:  # noqa: ANN401 (the node's bucket)
        """Return the bucket of an operand, or None."""
        return self._buckets.get(operand)

    def put(self, operand: str, bucket: Bucket) -> None:
        """File a bucket."""
        if operand not in self._buckets and not any(operand in automaton.numbers for automaton in self._automata):
            self._fresh[operand] = None
        self._buckets[operand] = bucket

    def drop(self, operand: str) -> None:
        """Forget the bucket of an operand."""
        del self._buckets[operand]
        self._fresh.pop(operand, None)

    def find(self, value: str) -> Sequence[Hit]:
        """Return what is filed at any operand that the text contains."""
        if len(self._fresh) > _FEW:
            self._compile()
        buckets = self._buckets
        found = [needle for needle in self._fresh if needle in value]
        for automaton in self._automata:
            found += automaton.find(value)
        met = [buckets[needle] for needle in found if needle in buckets]
        if len(met) > 1:
            return [((), None, _Several(met).collect)]
        return met[0].hits if met else ()

    def _compile(self) -> None:
        live = [[one for one in automaton.needles if one in self._buckets] for automaton in self._automata]
        kept = [a for a, needles in zip(self._automata, live, strict=True) if len(needles) * 2 > len(a.needles)]
        loose = [*self._fresh]
        for automaton, needles in zip(self._automata, live, strict=True):
            if automaton not in kept or len(automaton.needles) < _LARGEST:
                loose += needles
        full = [automaton for automaton in kept if len(automaton.needles) >= _LARGEST]
        parts = [loose[start : start + _LARGEST] for start in range(0, len(loose), _LARGEST)]
        self._automata = (*full, *map(_Automaton, parts))
        self._fresh = {}


class _Several:
    """Buckets that a text meets at once: a subscription that stands in two of them is found once."""

    __slots__ = ("_buckets",)

    def __init__(self, buckets: list[Any]) -> None:
        self._buckets = buckets

    def collect(self, values: list[Any], found: list[Any]) -> None:
        """Add the targets of those that match."""
        collected: list[Any] = []
        run([hit for bucket in self._buckets for hit in bucket.hits], values, collected)
        found += dict.fromkeys(collected)


class _Automaton:
    """Some needles, compiled."""

    __slots__ = ("_odd", "_search", "_sound", "needles", "numbers")

    def __init__(self, needles: list[str]) -> None:
        self.needles = needles
        self.numbers = frozenset(needles)
        self._sound = [needle for needle in needles if len(needle) <= _LONGEST and _is_unicode(needle)]
        self._odd = [needle for needle in needles if len(needle) > _LONGEST or not _is_unicode(needle)]
        self._search = _searcher(self._sound)

    def find(self, text: str) -> list[str]:
        """Return the needles that a text contains, each once."""
        try:
            found = self._find(text)
        except UnicodeEncodeError:  # a lone surrogate
            return [needle for needle in self.needles if needle in text]
        return found + [needle for needle in self._odd if needle in text] if self._odd else found

    def _find(self, text: str) -> list[str]:
        if len(text) <= _WINDOW:
            sound = self._sound
            found = self._search(text)
            return [sound[number] for number in {match[0] for match in found}] if found else []
        return list(self._find_in_windows(text))

    def _find_in_windows(self, text: str) -> Iterator[str]:
        """Search a long text piece by piece: needles that end with one another would flood a single search."""
        sound, search, known = self._sound, self._search, set[int]()
        for start in range(0, len(text), _WINDOW):
            found = search(text[start : start + _WINDOW + _LONGEST])
            fresh = {match[0] for match in found} - known
            yield from [sound[number] for number in fresh]
            known |= fresh
            if len(found) > _FLOOD:
                sound = [needle for number, needle in enumerate(sound) if number not in known]
                search, known = _searcher(sound), set()


def _searcher(needles: list[str]) -> Callable[[str], list[tuple[int, int, int]]]:
    automaton = AhoCorasick(needles, store_patterns=False, implementation=Implementation.ContiguousNFA)

    def search(text: str) -> list[tuple[int, int, int]]:
        return automaton.find_matches_as_indexes(text, overlapping=True)

    return search


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
