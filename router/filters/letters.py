"""Letters without regard to case, as .NET's ordinal-ignore-case compares them (design §6)."""

from functools import lru_cache
from typing import Final

_LONG: Final = 1024


def fold(text: str) -> str:
    """Return `text` in upper case, code point by code point: its length never changes."""
    # Many conditions may ask for the same long text of one event.
    return _fold(text) if len(text) < _LONG else _fold_long(text)


def _fold(text: str) -> str:
    if text.isascii():
        return text.upper()
    upper = text.upper()
    # Where no letter's mapping grows (ß → SS) the length stays: none shrinks.
    return upper if len(upper) == len(text) else "".join(map(_simple_upper, text))


@lru_cache(maxsize=16)
def _fold_long(text: str) -> str:
    return _fold(text)


def _simple_upper(letter: str) -> str:
    # Where the full mapping grows (ß, ligatures, iota subscript) the simple one is the title case, or nothing.
    for mapped in (letter.upper(), letter.title()):
        if len(mapped) == 1:
            return mapped
    return letter
