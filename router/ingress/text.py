"""What the text of an envelope may be."""

from datetime import datetime


def reason_against(text: str) -> str | None:
    """Say why a text may not name anything, or None; lone surrogates never get here, as they are not UTF-8."""
    return "must not contain a NUL character" if "\0" in text else None


def is_moment(text: str) -> bool:
    """Say whether a text is a time as publishers write it: ISO 8601, with any number of fractional digits (§1.4)."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
