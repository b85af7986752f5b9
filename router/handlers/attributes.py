"""Delivery attributes (§5.10): headers that a subscription adds to its requests, fixed or taken from the event."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

import orjson

from topics.subscriptions import DeliveryAttribute

VALUE_LIMIT: Final = 4096
"""Bytes of a header's value (§5.10); a longer dynamic one is left out."""

Header = tuple[str, str]


def static_headers(attributes: Sequence[DeliveryAttribute], open_secret: Callable[[str], str]) -> list[Header]:
    """Return the fixed headers, secrets opened; a value that is not ASCII is percent-encoded."""
    return [
        (one.name, header_value(open_secret(one.sealed_value) if one.sealed_value is not None else one.value or ""))
        for one in attributes
        if one.kind == "Static"
    ]


def dynamic_headers(attributes: Sequence[DeliveryAttribute], event: bytes) -> tuple[Header, ...]:
    """Return the headers that come from an event: strings, numbers and booleans; what is missing is left out."""
    wanted = [one for one in attributes if one.kind == "Dynamic" and one.source_field]
    if not wanted:
        return ()
    try:
        members = orjson.loads(event)
    except orjson.JSONDecodeError:
        return ()
    found = ((one.name, _text(_at(members, one.source_field or ""))) for one in wanted)
    return tuple((name, text) for name, text in found if text is not None)


def header_value(text: str) -> str:
    """Return text as a header's value; what cannot stand in one is percent-encoded."""
    if text.isascii() and text.isprintable():
        return text.strip()
    return quote(text, safe=" !#$&'()*+,/:;=?@[]~").strip()


def _text(value: Any) -> str | None:  # noqa: ANN401 (any JSON)
    match value:
        case bool() | int() | float():
            text = orjson.dumps(value).decode()
        case str():
            text = header_value(value)
        case _:
            return None
    return text if len(text) <= VALUE_LIMIT else None


def _at(members: Any, path: str) -> Any:  # noqa: ANN401 (any JSON)
    """Return what stands at a dotted path, names compared without regard to case where none is the same."""
    found = members
    for step in path.removeprefix("$.").split("."):
        if not isinstance(found, Mapping):
            return None
        lowered = step.lower()
        name = step if step in found else next((one for one in found if one.lower() == lowered), None)
        found = None if name is None else found[name]
    return found
