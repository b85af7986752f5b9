"""Matching: one function for a whole event, decoding, looking up and asking, made for a snapshot of the index."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from types import CodeType
from typing import Any, Final

import msgspec

from router.filters.collecting import Plan, settle
from router.filters.envelopes import Event, schema_of
from router.filters.letters import fold
from router.filters.nodes import Node
from router.filters.paths import SUBJECT_SLOT
from router.filters.projection import Projection, variable_of
from router.filters.reading import Reader

Match = Callable[[Event, bytes], list[Any] | None]
"""Returns what wants an event; None when the projection refuses it."""

_REFUSALS: Final = (msgspec.MsgspecError, ValueError, RecursionError)
_MOST_MADE: Final = 4


class Matcher:
    """Matches events: by the fastest way that there is, else by the way that always is."""

    def __init__(self, reader: Reader, root: Node) -> None:
        self._reader = reader
        self._root = root
        self._made: dict[Projection, Match] = {}
        self._of_envelope: Callable[[Event], list[Any]] | None = None

    def match_envelopes(self, envelopes: Sequence[Event]) -> list[list[Any]]:
        """Return the targets that want each event, when all look only at its type and subject."""
        if self._of_envelope is None:
            self._of_envelope = _function("envelope", [], ["v0", "v1"], self._root.plan, {})
        return list(map(self._of_envelope, envelopes))

    def match(self, envelopes: Sequence[Event], bodies: Sequence[bytes | None]) -> list[list[Any]]:
        """Return the targets that want each event."""
        kind: type | None = None
        matched = []
        for envelope, body in zip(envelopes, bodies, strict=True):
            if envelope.__class__ is not kind:
                kind = envelope.__class__
                reader = self._reader.of(schema_of(envelope))
                match = self._match_for(reader.projection)
            found = None if match is None or body is None else match(envelope, body)
            if found is None:
                found = []
                self._root.plan.collect(reader.walk(envelope, body), found)
                kind = None  # it may have learned
            matched.append(found)
        return matched

    def _match_for(self, projection: Projection | None) -> Match | None:
        if projection is None:
            return None
        if projection not in self._made:
            if len(self._made) >= _MOST_MADE:
                self._made.clear()
            scope = projection.scope | {"decode": projection.decode, "REFUSALS": _REFUSALS}
            read = ["try:", " o0 = decode(body)", *(f" {line}" for line in projection.lines)]
            refuse = ["except REFUSALS:", " return None"]
            self._made[projection] = _function(
                "envelope, body", [*read, *refuse], projection.names, self._root.plan, scope
            )
        return self._made[projection]


def _function(parameters: str, read: list[str], names: list[str], plan: Plan, scope: dict[str, Any]) -> Any:  # noqa: ANN401
    """Return a function that reads values and looks them up; its source is made of numbers only, as a projection's."""
    values = f"[{', '.join(names)}]"
    scope |= {"fold": fold, "settle": settle, "asked": plan.asked, "collect": plan.collect}
    if plan.is_large:
        look_up = [f"collect({values}, found)"]
    else:
        look_up = [
            f"hits = {'[*asked]' if plan.asked else '[]'}",
            *_lookups(plan, values, scope),
            f"if hits: settle(hits, {values}, found)",
        ]
    body = ["v0 = envelope.type", "v1 = envelope.subject or ''", *read, "found = []", *look_up, "return found"]
    exec(_compiled("\n ".join([f"def match({parameters}):", *body])), scope)  # noqa: S102 (see above)
    return scope["match"]


def _lookups(plan: Plan, values: str, scope: dict[str, Any]) -> Iterator[str]:
    for number, (slot, more) in enumerate(plan.present):
        scope[f"p{number}"] = more
        yield f"if {variable_of(slot)} is not None: hits += p{number}"
    for number, (slot, by_letters, other) in enumerate(plan.exact):
        value = variable_of(slot)
        scope[f"b{number}"], scope[f"e{number}"] = by_letters, other.collect
        yield f"if {value}.__class__ is str: hits += b{number}[{value}]"
        if slot > SUBJECT_SLOT:
            yield f"elif {value} is not None: e{number}({value}, {values}, found)"
    for number, (slot, finds, other) in enumerate(plan.affixes):
        value = variable_of(slot)
        scope[f"a{number}"] = other.collect
        yield f"if {value}.__class__ is str:"
        yield f" text = {value}.upper() if {value}.isascii() else fold({value})"
        for place, find in enumerate(finds):
            scope[f"f{number}_{place}"] = find
            yield f" hits += f{number}_{place}(text)"
        if slot > SUBJECT_SLOT:
            yield f"elif {value} is not None: a{number}({value}, {values}, found)"
    for number, (slot, find, others) in enumerate(plan.numbers):
        value = variable_of(slot)
        scope[f"n{number}"], scope[f"m{number}"] = find, others.collect
        yield f"if {value}.__class__ is float or {value}.__class__ is int: hits += n{number}({value})"
        yield f"elif {value}.__class__ is list: m{number}({value}, {values}, found)"


@lru_cache(maxsize=256)
def _compiled(source: str) -> CodeType:
    # Snapshots differ in what the names stand for; their source is the same while keys and tables are.
    return compile(source, "<router.filters.matching>", "exec")
