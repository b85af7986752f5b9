"""Paths: where in an event the keys of filters lead (§4.3, design §6).

Names are looked up exactly first, else without regard to case, the first in document order; the longest name that the
steps of a key spell is taken first; nothing is tried again. An event's members are walked once for all keys together.
"""

import json
from collections.abc import Container, Mapping, Sequence
from typing import Any, Final, NoReturn

import msgspec

from router.filters.letters import fold
from router.filters.values import Values
from topics.events import EventSchema

Members = dict[str, Any]

TYPE_SLOT: Final = 0
SUBJECT_SLOT: Final = 1
FIRST_SLOT: Final = 2

ALIASES: Final[dict[EventSchema, dict[str, str]]] = {
    "EventGridSchema": {
        "EVENTID": "id",
        "EVENTTYPEVERSION": "dataVersion",
        "SOURCE": "topic",
        "TYPE": "eventType",
        "TIME": "eventTime",
    },
    "CloudEventSchemaV1_0": {
        "EVENTID": "id",
        "EVENTTYPE": "type",
        "EVENTTYPEVERSION": "dataschema",
        "TOPIC": "source",
        "EVENTTIME": "time",
    },
}
"""What else the names of the envelope may be called, folded, by schema."""

_decode = msgspec.json.Decoder().decode
_REMEMBERED_NAMES: Final = 4096
_LONGEST_REMEMBERED: Final = 64


class Step:
    """A step of a key; `slot` is where the value goes if a key ends here."""

    __slots__ = ("name", "next", "slot")

    def __init__(self, name: str) -> None:
        self.name = name
        self.next: dict[str, list[Step]] = {}
        self.slot: int | None = None

    def add(self, name: str) -> "Step":
        """Return the next step of this name, made when there is none."""
        steps = self.next.setdefault(fold(name), [])
        step = next((step for step in steps if step.name == name), None)
        if step is None:
            step = Step(name)
            steps.append(step)
        return step


class Paths:
    """The keys that some filters name, each with a slot for its value."""

    def __init__(self) -> None:
        self.root = Step("")
        self.version = 0
        """Grows with each new key."""
        self._slots: dict[str, int] = {}
        self._free: list[int] = []

    def __len__(self) -> int:
        """Return how many slots there are."""
        return len(self._slots) + len(self._free) + FIRST_SLOT

    @property
    def keys(self) -> Mapping[str, int]:
        """The keys and their slots."""
        return self._slots

    def slot_of(self, key: str) -> int:
        """Return the slot of a key, which is a new one when it was not named before."""
        slot = self._slots.get(key)
        if slot is None:
            slot = self._free.pop() if self._free else len(self)
            self._put(key, slot)
        return slot

    def only(self, slots: Container[int]) -> "Paths":
        """Return the same paths, but for keys whose slots are not among these; their slots are free."""
        paths = Paths()
        for key, slot in self._slots.items():
            if slot in slots:
                paths._put(key, slot)
        taken = {*paths._slots.values()}
        # The lowest are given out first, so that few stand between those in use: each costs an event a little.
        paths._free = [slot for slot in range(max(taken, default=0), FIRST_SLOT - 1, -1) if slot not in taken]
        return paths

    def _put(self, key: str, slot: int) -> None:
        self._slots[key] = slot
        self.version += 1
        step = self.root
        for name in key.split("."):
            step = step.add(name)
        step.slot = slot

    def read(self, event: Members, schema: EventSchema, values: Values) -> None:
        """Put what the event has under each key into its slot; slots of what it does not have stay as they are."""
        claims, longer = _claims(event, self.root, frozenset())
        for alias, name in ALIASES[schema].items():
            for step in self.root.next.get(alias, ()):
                if step not in claims and (found := _under(event, name)):
                    claims[step] = found[0]
        for step in self.root.next.get("SUBJECT", ()):
            if claims.get(step) is None:
                claims[step] = ""
        # A stack of our own: a key may have more steps than Python likes to recurse.
        waiting = [(claims, longer)]
        while waiting:
            claims, longer = waiting.pop()
            for step, value in claims.items():
                if step.slot is not None:
                    values[step.slot] = value
                if step.next and value.__class__ is dict:
                    waiting.append(_claims(value, step, longer))


def alias_steps(root: Step, name: str, schema: EventSchema) -> list[Step]:
    """Return the steps that a member of the envelope may be called by another name in."""
    folded = fold(name)
    return [step for alias, own in ALIASES[schema].items() if fold(own) == folded for step in root.next.get(alias, ())]


def read_members(body: bytes | None) -> Members | None:
    """Return an event as an object, None when it cannot be decoded; big integers stay exact, 1e999 is infinite."""
    if body is None:
        return None
    try:
        event = _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        try:
            event = json.loads(body.decode(), parse_constant=_refuse)
        except (ValueError, RecursionError):
            return None
    return event if isinstance(event, dict) else None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_Claims = dict[Step, Any]


def _claims(members: Members, step: Step, blocked: frozenset[Step]) -> tuple[_Claims, frozenset[Step]]:
    """Return the value of each step that a member leads to; and which steps are taken by a name that spells more.

    What is `blocked` was taken so further up.
    """
    claims: _Claims = {}
    longer: set[Step] = set()
    for name, value in members.items():
        parts = _remembered.get(name) or parts_of(name)
        reached = step.next.get(parts[0])
        if reached is None:
            continue
        if len(parts) == 1:
            for one in reached:
                if (one.name == name or one not in claims) and one not in blocked:
                    claims[one] = value
            continue
        for one, is_exact in _ends(step, parts, name.split("."), blocked):
            longer.add(one)
            if is_exact or one not in claims:
                claims[one] = value
    return claims, blocked.union(longer) if longer else blocked


def _ends(step: Step, parts: Sequence[str], names: list[str], blocked: frozenset[Step]) -> list[tuple[Step, bool]]:
    """Return the steps that a name with dots leads to, and of each whether it is spelt exactly so."""
    ends = [(step, True)]
    for part, name in zip(parts, names, strict=True):
        ends = [
            (after, is_exact and after.name == name)
            for before, is_exact in ends
            for after in before.next.get(part, ())
            if after not in blocked
        ]
        if not ends:
            break
    return ends


def _under(members: Members, name: str) -> tuple[Any] | None:
    if name in members:
        return (members[name],)
    folded = fold(name)
    return next(((value,) for other, value in members.items() if fold(other) == folded), None)


_remembered: dict[str, tuple[str, ...]] = {}


def parts_of(name: str) -> tuple[str, ...]:
    """Return the steps that a member's name spells, folded; names of events repeat, so they are remembered."""
    known = _remembered.get(name)
    if known is not None:
        return known
    parts = tuple(fold(name).split("."))
    if len(name) <= _LONGEST_REMEMBERED:
        if len(_remembered) >= _REMEMBERED_NAMES:
            _remembered.clear()
        _remembered[name] = parts
    return parts
