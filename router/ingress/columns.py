"""Columns: what is asked of each event of a large array, asked of all of them in a few calls."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from router.ingress.text import RFC_3339

LEAST_ALIKE: Final = 16
"""What is done once for a whole array costs as much as so many events one by one."""


def encoded(texts: Sequence[str]) -> list[bytes]:
    """Return texts in UTF-8; an empty list when one has a NUL, which none may have: that is what parts them here."""
    texts_encoded = "\0".join(texts).encode().split(b"\0")
    return texts_encoded if len(texts_encoded) == len(texts) else []


def are_moments(texts: Sequence[str]) -> bool:
    """Say of all texts what `is_moment` says of one."""
    try:
        return all(map(datetime.fromisoformat, texts))
    except ValueError:
        return False


def are_timestamps(texts: Sequence[str]) -> bool:
    """Say of all texts what `is_timestamp` says of one."""
    return all(map(RFC_3339.fullmatch, texts)) and are_moments([*map(str.upper, texts)])
