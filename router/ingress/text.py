"""What the text of an envelope may be."""

import re
from datetime import datetime


def reason_against(text: str) -> str | None:
    """Say why a text may not name anything, or None; lone surrogates never get here, as they are not UTF-8."""
    return "must not contain a NUL character" if "\0" in text else None


RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def is_moment(text: str) -> bool:
    """Say whether a text is a time as publishers write it: ISO 8601, with any number of fractional digits (§1.4)."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_timestamp(text: str) -> bool:
    """Say whether a text is a time as CloudEvents demands it: RFC 3339, which names the zone."""
    return RFC_3339.fullmatch(text) is not None and is_moment(text.upper())
