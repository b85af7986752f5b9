"""One element of a request in a custom input schema (§2.4): the Event Grid event that the topic's mapping yields.

The whole original event becomes `data`, its bytes as they came.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec
import orjson
from msgspec import Raw

from router.ingress.event_grid import event_grid_record
from router.ingress.refusals import Refusal, nonconforming, property_required
from router.kafka.ready_records import ReadyRecord

_MAPPED: Final = ("id", "subject", "eventType", "eventTime", "dataVersion")
_EMPTY_BY_DEFAULT: Final = ("subject", "dataVersion")
_TEXT: Final = b'"'
_NO_SCALAR: Final = (b"{", b"[")
_NOT_GIVEN: Final = (b"", b"null")

_members = msgspec.json.Decoder(dict[str, Raw]).decode


def custom_record(
    raw: bytes, source_id: str, mapping: Mapping[str, Any] | None, accepted_at: datetime
) -> ReadyRecord | Refusal:
    """Return the record for an event of a custom schema, or why it is refused; `raw` is one JSON object in UTF-8.

    A property without a mapping is read from the field of its own name. Then defaults step in, which for id and time
    are a new id and `accepted_at`.
    """
    members = {name: bytes(value) for name, value in _members(raw).items()}
    properties = (mapping or {}).get("properties") or {}
    envelope: dict[str, str] = {}
    for name in _MAPPED:
        rule = properties.get(name) or {}
        value = _value(members, rule.get("sourceField"), name)
        if isinstance(value, Refusal):
            return value
        if value is None:
            value = rule.get("defaultValue", _default(name, accepted_at) if not rule.get("sourceField") else None)
        if value is None and name in _EMPTY_BY_DEFAULT:
            value = ""
        if value is None:
            return property_required("CustomEvent", rule.get("sourceField") or name)
        envelope[name] = value
    stored = orjson.dumps({"topic": source_id, **envelope})[:-1] + b',"data":' + raw + b',"metadataVersion":"1"}'
    return event_grid_record(stored, source_id, "CustomEvent")


def _default(name: str, accepted_at: datetime) -> str | None:
    """Return what stands in for a property that nothing maps (§2.4)."""
    match name:
        case "id":
            return str(uuid.uuid4())
        case "eventTime":
            return accepted_at.isoformat().replace("+00:00", "Z")
        case _:
            return None


def _value(members: Mapping[str, bytes], field: str | None, name: str) -> str | Refusal | None:
    """Return the text of a field; numbers and truth values are written as in JSON."""
    raw = _find(members, field or name)
    if raw in _NOT_GIVEN:
        return None
    if raw[:1] in _NO_SCALAR:
        return nonconforming("CustomEvent", f"Property '{(field or name)[:80]}' must be a string.")
    return str(msgspec.json.decode(raw)) if raw[:1] == _TEXT else raw.decode()


def _find(members: Mapping[str, bytes], path: str) -> bytes:
    """Return a field by its exact name, else without regard to case, else as a path with dots; empty when absent."""
    if path in members:
        return members[path]
    for name, raw in members.items():
        if name.lower() == path.lower():
            return raw
    head, dot, rest = path.partition(".")
    inner = _find(members, head) if dot and head and rest else b""
    if inner[:1] != b"{":
        return b""
    return _find({name: bytes(raw) for name, raw in _members(inner).items()}, rest)
