"""Cursors: where a page ended, as text that says nothing to anybody else."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode

from router.errors import RefusedError


def cursor_of(*position: int | str) -> str:
    """Return the cursor of a position."""
    return urlsafe_b64encode(json.dumps(position, separators=(",", ":")).encode()).decode().rstrip("=")


def position_after(cursor: str | None, *kinds: type) -> tuple[int | str, ...] | None:
    """Return the position of a cursor, whose parts must be of these kinds.

    Raises:
        RefusedError: it is none that a page gave.
    """
    if cursor is None:
        return None
    try:
        position = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        position = None
    # A number beyond 64 bits is none of SQLite's.
    if (
        not isinstance(position, list)
        or [type(part) for part in position] != list(kinds)
        or any(isinstance(part, int) and abs(part) >> 63 for part in position)
    ):
        raise RefusedError("next: it is not a cursor that a page gave.", target="next")
    return tuple(position)
