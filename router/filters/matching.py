"""Matching: one function for a whole event, decoding, looking up and asking, made for a snapshot of the index."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType
from typing import Any, Final

import msgspec

from router.filters.collecting import MANY, Plan, settle
from router.filters.envelopes import Event, schema_of
from router.filters.letters import fold
from router.filters.nodes import Node
from router.filters.paths import SUBJECT_SLOT
from router.filters.projection import Projection, variable_of
from router.filters.reading import Reader
from router.filters.tables import Find, Targets
from topics.events import EventSchema

# As `settle` does; a call for each event is saved.
_SETTLE: Final = """\
if hits:
 if len(hits) == 1 and not found:
  checks, targets, collect_more = hits[0]
  if targets is not None and not checks: return targets
  values = VALUES
  for slot, accepts in checks:
   if not accepts(values[slot]): return found
  return collect_more(values) if targets is None else targets
 values = VALUES
 if len(hits) > MANY: return settle(hits, values, found)
 for checks, targets, collect_more in hits:
  for slot, accepts in checks:
   if not accepts(values[slot]): break
  else:
   if targets is not None: found += targets
   elif collect_more is not None: found += collect_more(values)"""

Match = Callable[[Any, bytes], Targets | None]
"""Returns what wants an event; None when the projection refuses it."""
AtOnce = tuple[Callable[[bytes], Any] | None, Match | None]
"""What reads an event, and what matches it; both are there or neither."""

REFUSALS: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What reading raises when an event must be walked."""
_MOST_MADE: Final = 4


class Matcher:
    """Matches events: by the fastest way that there is, else by the way that always is."""

    def __init__(self, reader: Reader, root: Node) -> None:
        self._reader = reader
        self._root = root
        self._made: dict[tuple[Projection, bool], Match] = {}
        self._by_class: dict[type, Match] = {}
        """By the class of envelopes, until something is learned."""
        self._of_envelope: Callable[..., Targets] | None = None

    @property
    def match_envelope(self) -> Callable[..., Targets]:
        """Returns the targets that want an event, by its envelope, when all look only at its type and subject."""
        if self._of_envelope is None:
            self._of_envelope = _function("envelope, body=None", [], "[v0, v1]", self._root.plan, {})
        return self._of_envelope

    def match(self, envelope: Event, body: bytes | None) -> Targets:
        """Return the targets that want an event; nobody may change what is returned."""
        kind = envelope.__class__
        match = self._by_class.get(kind)
        if match is None:
            match = self._by_class[kind] = self._match_for(kind, self._reader.of(schema_of(envelope)).projection)
        found = None if body is None else match(envelope, body)
        if found is None:
            found = self._root.plan.collect(self._reader.of(schema_of(envelope)).walk(envelope, body))
            self._by_class.clear()  # it may have learned
        return found

    def at_once(self, schema: EventSchema) -> AtOnce:
        """Return what reads an event with its envelope and all that filters ask, and what matches it then."""
        projection = self._reader.of(schema).projection
        if projection is None or not projection.has_envelope:
            return None, None
        return projection.decode, self._match_for(projection.event, projection)

    def _match_for(self, kind: type, projection: Projection | None) -> Match:
        """Return the function that matches envelopes of a class, which may be what the projection has decoded."""
        if projection is None:
            return _refuse
        is_read = kind is projection.event
        if (projection, is_read) not in self._made:
            if len(self._made) >= _MOST_MADE:
                self._made.clear()
            scope = projection.scope | {"decode": projection.decode, "REFUSALS": REFUSALS}
            read = " o0 = envelope" if is_read else " o0 = decode(body)"
            lines = ["try:", read, *(f" {line}" for line in projection.lines), "except REFUSALS:", " return None"]
            self._made[projection, is_read] = _function(
                "envelope, body", lines, projection.values, self._root.plan, scope
            )
        return self._made[projection, is_read]


def _refuse(_envelope: Event, _body: bytes) -> None:
    return None


def _function(parameters: str, read: list[str], values: str, plan: Plan, scope: dict[str, Any]) -> Any:  # noqa: ANN401
    """Return a function that reads values and looks them up; its source is made of numbers only, as a projection's.

    `values` is what makes all values of those that were read, for who needs them together.
    """
    scope |= {"fold": fold, "settle": settle, "asked": plan.asked, "collect": plan.collect, "MANY": MANY}
    if plan.is_large:
        look_up = [f"found = collect({values})"]
    else:
        look_up = ["hits = asked", *_lookups(plan, values, scope), *_SETTLE.replace("VALUES", values).splitlines()]
    body = ["v0 = envelope.type", "v1 = envelope.subject or ''", *read, "found = []", *look_up, "return found"]
    exec(_compiled("\n ".join([f"def match({parameters}):", *body])), scope)  # noqa: S102 (see above)
    return scope["match"]


# Most lookups find nothing; what one alone finds is not copied.
_FOUND: Final = "if more: hits = [*hits, *more] if hits else more"


def _lookups(plan: Plan, values: str, scope: dict[str, Any]) -> Iterator[str]:
    for number, (slot, more) in enumerate(plan.present):
        scope[f"p{number}"] = more
        yield f"if {variable_of(slot)} is not None: hits = [*hits, *p{number}]"
    for number, (slot, by_letters, other) in enumerate(plan.exact):
        value = variable_of(slot)
        scope[f"b{number}"], scope[f"e{number}"] = by_letters, other.collect
        yield f"if {value}.__class__ is str:"
        yield f" more = b{number}[{value}]"
        yield f" {_FOUND}"
        if slot > SUBJECT_SLOT:
            yield f"elif {value} is not None: e{number}({value}, {values}, found)"
    for number, (slot, finds, other) in enumerate(plan.affixes):
        value = variable_of(slot)
        scope[f"a{number}"] = other.collect
        yield f"if {value}.__class__ is str:"
        yield f" text = {value}.upper() if {value}.isascii() else fold({value})"
        for place, find in enumerate(finds):
            yield from (f" {line}" for line in _affix_lookup(plan, find, f"{number}_{place}", scope))
        if slot > SUBJECT_SLOT:
            yield f"elif {value} is not None: a{number}({value}, {values}, found)"
    for number, (slot, find, others) in enumerate(plan.numbers):
        value = variable_of(slot)
        scope[f"n{number}"], scope[f"m{number}"] = find, others.collect
        yield f"if {value}.__class__ is float or {value}.__class__ is int:"
        yield f" more = n{number}({value})"
        yield f" {_FOUND}"
        yield f"elif {value}.__class__ is list: m{number}({value}, {values}, found)"


def _affix_lookup(plan: Plan, find: Find, each: str, scope: dict[str, Any]) -> Iterator[str]:
    inner = ""
    if find in plan.gates:  # most texts have nothing to look up
        scope[f"g{each}"], scope[f"h{each}"] = plan.gates[find]
        inner = " "
        yield f"if text[g{each}] in h{each}:"
    if find in plan.parts:
        scope[f"s{each}"], scope[f"k{each}"] = plan.parts[find]
        yield f"{inner}more = k{each}[text[s{each}]]"
    else:
        scope[f"f{each}"] = find
        yield f"{inner}more = f{each}(text)"
    yield f"{inner}{_FOUND}"


@lru_cache(maxsize=256)
def _compiled(source: str) -> CodeType:
    # Snapshots differ in what the names stand for; their source is the same while keys and tables are.
    return compile(source, "<router.filters.matching>", "exec")
