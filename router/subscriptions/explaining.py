"""Why an event reaches a subscription or not: the verdict of each clause, for one subscription or for all of them."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import orjson

from router.errors import RefusedError
from router.events.envelope import UnreadableEventError, read_envelope
from router.filters.clauses import clauses_of
from router.filters.explain import Explanation, explain
from router.subscriptions.scopes import above
from topics.events import CLOUD_EVENT_JSON, CONTENT_TYPE, EVENT_GRID_JSON
from topics.subscriptions import Filter, Subscription

_STAMPS = {"dataVersion": '""', "metadataVersion": '"1"'}


class Explained(NamedTuple):
    """What became of one subscription (its resource id; None for a draft)."""

    subscription: str | None
    explanation: Explanation


def explain_event(event: bytes, filters: Iterable[tuple[str | None, Filter]], source: str) -> list[Explained]:
    """Explain an event to filters, the nearest to a match first; one without a topic is stamped with `source`.

    Raises:
        RefusedError: it is no event; the message says why.
    """
    members = _members(event)
    is_cloud_event = "specversion" in members
    body = event if is_cloud_event else _stamped(event, members, source)
    headers = [(CONTENT_TYPE, CLOUD_EVENT_JSON if is_cloud_event else EVENT_GRID_JSON)]
    try:
        envelope = read_envelope(body, headers)
    except UnreadableEventError as problem:
        raise RefusedError(f"event: {problem}", target="event") from None
    found = [Explained(name, explain(clauses_of(wanted), envelope, body)) for name, wanted in filters]
    return sorted(found, key=lambda one: (-one.explanation.nearness, one.subscription or ""))


def candidates_for(event: bytes, subscriptions: Sequence[Subscription], source: str) -> list[Subscription]:
    """Return the live subscriptions that an event could reach: of the workspace or topic that it names, or above that.

    A CloudEvent may name any source, so that only its publisher's key tells; then all are candidates.
    """
    members = _members(event)
    named = members.get("source") if "specversion" in members else members.get("topic", orjson.dumps(source))
    origin = _text(named).lower()
    live = [one for one in subscriptions if one.is_live]
    scopes = {origin, *above(origin)}
    return [one for one in live if one.source.lower() in scopes] or (live if "specversion" in members else [])


def _members(event: bytes) -> dict[str, bytes]:
    try:
        event.decode()
        return {name: bytes(raw) for name, raw in msgspec.json.decode(event, type=dict[str, msgspec.Raw]).items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise RefusedError("event: it is no JSON object", target="event") from None


def _stamped(event: bytes, members: dict[str, bytes], source: str) -> bytes:
    missing = {
        name: raw for name, raw in {"topic": orjson.dumps(source).decode(), **_STAMPS}.items() if name not in members
    }
    if not missing:
        return event
    added = ",".join(f'"{name}":{raw}' for name, raw in missing.items()).encode()
    return event.rstrip()[:-1] + (b"," if members else b"") + added + b"}"


def _text(raw: bytes | None) -> str:
    value = None if raw is None else orjson.loads(raw)
    return value if isinstance(value, str) else ""
