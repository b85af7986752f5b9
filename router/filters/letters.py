"""Letters without regard to case, as .NET's ordinal-ignore-case compares them (design §6)."""


def fold(text: str) -> str:
    """Return `text` in upper case, code point by code point: its length never changes."""
    if text.isascii():
        return text.upper()
    upper = text.upper()
    return upper if len(upper) == len(text) else "".join(map(_simple_upper, text))


def _simple_upper(letter: str) -> str:
    # Where the full mapping grows (ß, ligatures, iota subscript) the simple one is the title case, or nothing.
    for mapped in (letter.upper(), letter.title()):
        if len(mapped) == 1:
            return mapped
    return letter
