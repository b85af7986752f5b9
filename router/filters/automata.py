"""Automata: one search of a text for thousands of needles (Aho-Corasick, the library's)."""

from collections.abc import Collection, Sequence
from typing import Final

from ahocorasick_rs import AhoCorasick, Implementation

Occurrence = tuple[int, int, int]
"""The number of a needle, where it starts and where it ends."""

_LONGEST: Final = 512
_WINDOW: Final = 2048
_FLOOD: Final = 50_000


def is_searchable(needle: str) -> bool:
    """Whether a needle can be compiled: not one that is longer than operands may be, or no Unicode."""
    return len(needle) <= _LONGEST and _is_unicode(needle)


class Automaton:
    """Some needles, compiled."""

    __slots__ = ("_automaton", "needles", "numbers")

    def __init__(self, needles: Sequence[str]) -> None:
        self.needles = needles
        self.numbers = frozenset(needles)
        self._automaton = _compiled(needles)

    def search_texts(self, text: str) -> tuple[str, ...] | None:
        """Return the needles in a text, in the order of `search`; None if it is long or unsound, for `search_any`."""
        if len(text) > _WINDOW:
            return None
        try:
            return tuple(self._automaton.find_matches_as_strings(text, overlapping=True))
        except UnicodeEncodeError:  # a lone surrogate
            return None

    def search(self, text: str) -> list[Occurrence]:
        """Return the needles in a text that is short and sound, by their ends, the longest first."""
        return self._automaton.find_matches_as_indexes(text, overlapping=True)

    def search_any(self, text: str) -> Collection[int]:
        """Return the numbers of the needles in any text, each once."""
        if _is_unicode(text):
            return self._search_in_windows(text)
        return [number for number, needle in enumerate(self.needles) if needle in text]

    def _search_in_windows(self, text: str) -> Collection[int]:
        """Search piece by piece, and stop looking for what was found: it may be everywhere."""
        found: dict[int, None] = {}
        numbers: Sequence[int] = range(len(self.needles))
        automaton = self._automaton
        for start in range(0, len(text), _WINDOW):
            matches = automaton.find_matches_as_indexes(text[start : start + _WINDOW + _LONGEST], overlapping=True)
            found |= dict.fromkeys(numbers[match[0]] for match in matches)
            if len(matches) > _FLOOD:
                numbers = [number for number in numbers if number not in found]
                automaton = _compiled([self.needles[number] for number in numbers])
        return found


def _compiled(needles: Sequence[str]) -> AhoCorasick:
    return AhoCorasick(needles, store_patterns=True, implementation=Implementation.ContiguousNFA)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
