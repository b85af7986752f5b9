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
from router.filters.values import Values

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

    def collect(self, values: Values, found: list[Any]) -> None:
        """Add the targets of all that want an event with these values."""
        self._root.plan.collect(values, found)

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
                self.collect(reader.walk(envelope, body), found)
                kind = None  # it may have learned
            matched.append(found)
        return matched

    def _match_for(self, projection: Projection | None) -> Match | None:
        if projection is None:
            return None
        if projection not in self._made:
            if len(self._made) >= _MOST_MADE:
                self._made.clear()
            self._made[projection] = _made_for(projection, self._root.plan)
        return self._made[projection]


def _made_for(projection: Projection, plan: Plan) -> Match:
    values = f"[{', '.join(projection.names)}]"
    scope: dict[str, Any] = {"decode": projection.decode, "REFUSALS": _REFUSALS, "fold": fold, "settle": settle}
    scope |= projection.scope | {"asked": plan.asked, "collect": plan.collect}
    if plan.is_large:
        look_up = [f"collect({values}, found)"]
    else:
        look_up = [
            f"hits = {'[*asked]' if plan.asked else '[]'}",
            *_lookups(plan, values, scope),
            f"if hits: settle(hits, {values}, found)",
        ]
    source = [
        "def match(envelope, body):",
        " try:",
        "  o0 = decode(body)",
        f"  {variable_of(0)} = envelope.type",
        f"  {variable_of(SUBJECT_SLOT)} = envelope.subject or ''",
        *(f"  {line}" for line in projection.lines),
        " except REFUSALS:",
        "  return None",
        " found = []",
        *(f" {line}" for line in look_up),
        " return found",
    ]
    exec(_compiled("\n".join(source)), scope)  # noqa: S102 (made of numbers only, see Projection)
    match: Match = scope["match"]
    return match


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
