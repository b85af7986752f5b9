"""CloudEvents in HTTP binary mode: attributes in `ce-*` headers, the data as body; stored as structured JSON (§2.2)."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_to_bytes

from router.events.conversion import to_schema
from router.events.envelope import UnreadableEventError
from router.ingress.refusals import Refusal, header_missing, nonconforming
from topics.events import CONTENT_TYPE

_REQUIRED: Final = ("ce-specversion", "ce-id", "ce-source", "ce-type")
_REQUIRED_SET: Final = frozenset(name.encode() for name in _REQUIRED)
_STRUCTURED: Final = "application/cloudevents"
_PREFIX: Final = "ce-"
_ATTRIBUTE = re.compile(r"[a-z0-9]+")
_NOT_IN_HEADERS: Final = frozenset(("datacontenttype", "data"))
"""The request's own Content-Type and body say these."""


def is_binary_mode(header_names: Iterable[bytes], content_type: str) -> bool:
    """Say whether the headers of a request, in lower case, are those of a CloudEvent in binary mode.

    A body that says of itself that it is a CloudEvent wins: then the headers only repeat it (HTTP binding §3.2.2).
    """
    return not _REQUIRED_SET.isdisjoint(header_names) and not content_type.lstrip().lower().startswith(_STRUCTURED)


def structured(headers: Iterable[tuple[str, str]], body: bytes) -> bytes | Refusal:
    """Return the event as one JSON object; header names must be in lower case.

    The object may still break the rules of CloudEvents: it is checked like any other.
    """
    given: dict[str, str] = {}
    for name, text in headers:
        if name in given and name.startswith(_PREFIX):
            return nonconforming("CloudEventV10", f"The header '{name[:80]}' is there twice.")
        given[name] = text
    for name in _REQUIRED:
        if not given.get(name):
            return header_missing(name)
    try:
        record_headers = [
            ("ce_" + name.removeprefix(_PREFIX), _value(text).encode())
            for name, text in given.items()
            if name.startswith(_PREFIX) and _is_attribute(name.removeprefix(_PREFIX))
        ]
        content_type = given.get("content-type")
        if content_type:
            record_headers.append((CONTENT_TYPE, content_type.encode()))
        return to_schema(body, record_headers, "CloudEventSchemaV1_0")
    except UnreadableEventError as error:
        return nonconforming("CloudEventV10", f"{str(error)[:1].upper()}{str(error)[1:]}.")
    except UnicodeDecodeError:
        return nonconforming("CloudEventV10", "A ce- header is not UTF-8.")


def _is_attribute(name: str) -> bool:
    return _ATTRIBUTE.fullmatch(name) is not None and name not in _NOT_IN_HEADERS


def _value(text: str) -> str:
    """Undo what the HTTP binding does to a value: quotes, then percent-encoding (CloudEvents HTTP binding §3.1.3.2)."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = re.sub(r"\\(.)", r"\1", text[1:-1])
    return unquote_to_bytes(text.encode("latin-1")).decode()
