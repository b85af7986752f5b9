"""What a file changes: the subscriptions that it wants against those that are, as plain lines (design §9)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import ndiff
from typing import Any, Final, Literal

from router.client.declared import MEMBERS, Declared

Json = dict[str, Any]
Kind = Literal["create", "update", "delete"]

_DEFAULTS: Final = {
    "maxEventsPerBatch": 1,
    "preferredBatchSizeInKilobytes": 64,
    "maxDeliveryAttempts": 30,
    "eventTimeToLiveInMinutes": 1440,
}
_MOST_EVENTS_PER_BATCH: Final = 5000


@dataclass(frozen=True, slots=True)
class Change:
    """One thing to do, and what differs: lines that begin with `+` or `-`."""

    kind: Kind
    source: str
    name: str
    lines: tuple[str, ...]
    properties: Json
    etag: str | None = None
    """Of the subscription that the change was made out against."""


def change_to(wanted: Declared, current: Json | None, default_types: frozenset[str]) -> Change | None:
    """Return what has to be done so that `current` becomes `wanted`; None when nothing has.

    `current` are the properties of the subscription that is there, with the URL of its webhook in full.
    """
    old = [] if current is None else _lines(current, default_types)
    new = _lines(_with_batch(_same_url(wanted.properties, current)), default_types)
    if current is not None and old == new:
        return None
    lines = tuple(_shown(line) for line in ndiff(old, new) if line[0] in "+-")
    kind: Kind = "create" if current is None else "update"
    return Change(kind, wanted.source, wanted.name, lines, _same_url(wanted.properties, current))


def deletions(source: str, existing: Iterable[str], wanted: Iterable[Declared]) -> list[Change]:
    """Return the removal of what is on a source and not in the file."""
    kept = {one.name.lower() for one in wanted if one.source.lower() == source.lower()}
    return [Change("delete", source, name, (), {}) for name in existing if name.lower() not in kept]


def _same_url(wanted: Json, current: Json | None) -> Json:
    """Return what is wanted; where a file shows a URL without its query, the one that is there is kept."""
    inner, there = _webhook(wanted), _webhook(current or {})
    if inner and there and there["endpointUrl"].partition("?")[0] == inner["endpointUrl"]:
        return {
            **wanted,
            "destination": {
                **wanted["destination"],
                "properties": {**inner, "endpointUrl": there["endpointUrl"]},
            },
        }
    return wanted


def _with_batch(wanted: Json) -> Json:
    """Return what is wanted as the service will show it: a batch size alone leaves the number at its most (§5.5)."""
    inner = _webhook(wanted)
    if inner is None or inner.get("preferredBatchSizeInKilobytes") is None:
        return wanted
    if inner.get("maxEventsPerBatch") is not None:
        return wanted
    whole = {**inner, "maxEventsPerBatch": _MOST_EVENTS_PER_BATCH}
    return {**wanted, "destination": {**wanted["destination"], "properties": whole}}


def _webhook(properties: Json) -> Json | None:
    inner = (properties.get("destination") or {}).get("properties") or {}
    return inner if isinstance(inner.get("endpointUrl"), str) else None


def _lines(properties: Json, default_types: frozenset[str]) -> list[str]:
    """Return properties as sorted lines `path: value`; what is the default anyway is left out."""
    lines: list[str] = []
    for member in MEMBERS:
        lines += _flat(member, properties.get(member), default_types)
    return lines


def _flat(path: str, value: Any, default_types: frozenset[str]) -> list[str]:  # noqa: ANN401 (any JSON)
    name = path.rpartition(".")[2]
    if _is_default(name, value, default_types):
        return []
    if isinstance(value, dict):
        return [line for key in sorted(value) for line in _flat(f"{path}.{key}", value[key], default_types)]
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return [line for at, one in enumerate(value) for line in _flat(f"{path}[{at}]", one, default_types)]
    return [f"{path}: {json.dumps(_plain(name, value), ensure_ascii=False)}"]


def _is_default(name: str, value: Any, default_types: frozenset[str]) -> bool:  # noqa: ANN401 (any JSON)
    if value is None or value is False or value in ("", [], {}) or value == _DEFAULTS.get(name):
        return True
    return name == "includedEventTypes" and {str(one).lower() for one in value} == default_types


def _plain(name: str, value: Any) -> Any:  # noqa: ANN401 (any JSON)
    """Return a value as it is compared: an event hub is its name, whatever namespace it is said to be in."""
    if name == "expirationTimeUtc":
        return str(value).replace("+00:00", "Z")
    if name == "resourceId" and "/eventhubs/" in str(value).lower():
        return f"eventhubs/{str(value).rpartition('/')[2]}"
    return value


def _shown(line: str) -> str:
    """Return a line for people: the query of a URL may be a secret, and this goes to a terminal or a log."""
    path, _, value = line.partition(": ")
    base, question_mark, _ = value.partition("?")
    return f'{path}: {base}?…"' if path.endswith("endpointUrl") and question_mark else line
