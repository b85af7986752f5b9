"""Records of a subscriber's topic as lines: for people, aligned; for programs, one JSON document each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
import orjson
from rich.text import Text

from router.cli.subscription_view import short_type
from router.events.conversion import to_schema
from router.events.envelope import Envelope, UnreadableEventError, read_envelope
from topics.events import CE_SPECVERSION

Headers = Sequence[tuple[str, bytes]]

TYPE_WIDTH: Final = 22
SUBJECT_WIDTH: Final = 48


def event_line(value: bytes | None, headers: Headers) -> bytes:
    """Return the event as JSON on one line, its bytes otherwise untouched; binary mode becomes one object.

    What is no event comes out as `{"unreadable": "<why>", "raw": "<text>"}`.
    """
    try:
        event = to_schema(value or b"", headers, None)
        msgspec.json.decode(event, type=dict[str, msgspec.Raw])
    except (UnreadableEventError, msgspec.DecodeError, UnicodeDecodeError) as error:
        return orjson.dumps({"unreadable": str(error), "raw": (value or b"").decode(errors="backslashreplace")})
    # A JSON string holds no raw line break, so these can only stand between its parts.
    return event.replace(b"\r", b" ").replace(b"\n", b" ")


def metadata_line(
    partition: int, offset: int, timestamp_ms: int, key: bytes | None, value: bytes | None, headers: Headers
) -> bytes:
    """Return a record as JSON on one line: where it stands, its key and headers, and the event."""
    record = {
        "partition": partition,
        "offset": offset,
        "timestamp": timestamp_ms,
        "key": None if key is None else key.decode(errors="backslashreplace"),
        "headers": {name: raw.decode(errors="backslashreplace") for name, raw in headers},
        "event": orjson.Fragment(event_line(value, headers)),
    }
    return orjson.dumps(record)


def readable_line(moment: datetime, value: bytes | None, headers: Headers) -> Text:
    """Return a record for a person: time of writing, event type, subject, id."""
    time = Text(moment.strftime("%H:%M:%S  "), style="dim")
    try:
        envelope = _envelope(value, headers)
    except UnreadableEventError as error:
        return time + Text(f"no event: {error}", style="red")
    kind = Text(_column(short_type(envelope.type), TYPE_WIDTH), style="cyan")
    return time + kind + Text(_column(envelope.subject or "", SUBJECT_WIDTH)) + Text(envelope.id, style="dim")


def _envelope(value: bytes | None, headers: Headers) -> Envelope:
    """Return the envelope of a record; of an object in a custom schema, which has none, its headers tell (§2.4)."""
    try:
        return read_envelope(value, headers)
    except UnreadableEventError:
        try:
            msgspec.json.decode(value or b"", type=dict[str, msgspec.Raw])
            return read_envelope(value, [(CE_SPECVERSION, b"1.0"), *headers])
        except (UnreadableEventError, msgspec.DecodeError, UnicodeDecodeError):
            pass  # the first error tells more
        raise


def _column(text: str, width: int) -> str:
    """Return text in a column, two spaces apart from the next; what is longer pushes it."""
    return text.ljust(width) + "  "
