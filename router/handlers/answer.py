"""Reading what an endpoint answers, as far as anybody needs it."""

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

DETAIL_LIMIT: Final = 1024
_UNPRINTABLE: Final = re.compile(r"[^\S ]|[^\x20-\U0010ffff]|[\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def as_detail(body: bytes) -> str:
    """Return the beginning of a body as text that is safe to show: one line, no control characters."""
    if not body:
        return ""
    text = body[: 4 * DETAIL_LIMIT].decode(errors="replace")
    return _UNPRINTABLE.sub(" ", text)[:DETAIL_LIMIT]


def retry_after(value: str | None, now: datetime) -> timedelta | None:
    """Read a Retry-After header: seconds or an HTTP date; nonsense counts as absent."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        # Nobody is waited for longer than a day; int() of a longer number would only cost time.
        return timedelta(seconds=min(int(value[:9]), 86_400))
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):  # the latter for years and zones that no clock knows
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(moment - now, timedelta())
