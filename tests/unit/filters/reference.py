"""The filter language again, slow and plain: one filter, one event, rule by rule from design §6 and reference §4.

Nothing of `router.filters` is imported here, so that an error there cannot repeat itself here.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from operator import ge, gt, le, lt
from typing import Any, Final, Protocol

import orjson

from topics.subscriptions import AdvancedFilter, Filter


class Envelope(Protocol):
    """What the basic filter looks at."""

    @property
    def schema(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def subject(self) -> str | None: ...


@dataclass(frozen=True)
class Object:
    """A JSON object as it was written: in its order, with its repeated names."""

    members: tuple[tuple[str, Any], ...]

    def under(self, name: str) -> Any:
        """The value under a name: the exact name first, else the first that differs in case only; else `MISSING`."""
        last = dict(self.members)  # of repeated keys the last one counts
        if name in last:
            return last[name]
        return next((value for other, value in last.items() if fold(other) == fold(name)), MISSING)


class _Missing:
    def __repr__(self) -> str:
        return "missing"


MISSING: Final = _Missing()
EVENT_GRID_ALIASES: Final = {
    "EVENTID": "id",
    "EVENTTYPEVERSION": "dataVersion",
    "SOURCE": "topic",
    "TYPE": "eventType",
    "TIME": "eventTime",
}
CLOUD_EVENT_ALIASES: Final = {
    "EVENTID": "id",
    "EVENTTYPE": "type",
    "EVENTTYPEVERSION": "dataschema",
    "TOPIC": "source",
    "EVENTTIME": "time",
}


def matches(wanted: Filter, envelope: Envelope, body: bytes) -> bool:
    """Say whether an event passes a filter: everything that is given must hold."""
    return all(verdicts(wanted, envelope, body))


def verdicts(wanted: Filter, envelope: Envelope, body: bytes) -> list[bool]:
    """Say of each condition whether it holds, in the order of design §6: types, subject, advanced filters."""
    found = []
    if wanted.included_event_types:
        found.append(fold(envelope.type) in [fold(name) for name in wanted.included_event_types])
    letters = _as_is if wanted.is_subject_case_sensitive else fold
    subject = letters(envelope.subject or "")
    if wanted.subject_begins_with:
        found.append(subject.startswith(letters(wanted.subject_begins_with)))
    if wanted.subject_ends_with:
        found.append(subject.endswith(letters(wanted.subject_ends_with)))
    for one in wanted.advanced_filters:
        seen = value_in(body, one.key, envelope.schema)
        found.append(holds(one, seen, on_arrays=wanted.enable_advanced_filtering_on_arrays))
    return found


@lru_cache(maxsize=512)
def parsed(body: bytes) -> Any:
    """Return JSON with its objects as they were written; integers stay integers, whatever their size."""
    return json.loads(body, object_pairs_hook=lambda members: Object(tuple(members)))


@lru_cache(maxsize=8192)
def value_in(body: bytes, key: str, schema: str) -> Any:
    """Return what `value_at` finds in an event; looked for once, however many filters ask."""
    return value_at(parsed(body), key, schema)


def value_at(event: Any, key: str, schema: str = "EventGridSchema") -> Any:
    """Return what an event has under a key, or `MISSING`."""
    steps = key.split(".")
    value, taken = _longest_name(event, steps)
    if not taken:
        aliases = CLOUD_EVENT_ALIASES if schema == "CloudEventSchemaV1_0" else EVENT_GRID_ALIASES
        if fold(steps[0]) in aliases:
            value, taken = event.under(aliases[fold(steps[0])]), 1
    if fold(key) == "SUBJECT" and (value is MISSING or value is None):
        return ""
    while steps := steps[taken:]:
        value, taken = _longest_name(value, steps)
        if not taken:
            return MISSING
    return value


def _longest_name(value: Any, steps: list[str]) -> tuple[Any, int]:
    """Return the member under the longest name that the steps spell and that exists, and how many steps it took."""
    if isinstance(value, Object):
        for taken in range(len(steps), 0, -1):
            member = value.under(".".join(steps[:taken]))
            if member is not MISSING:
                return member, taken
    return MISSING, 0


def holds(one: AdvancedFilter, seen: Any, *, on_arrays: bool) -> bool:
    """Say whether one advanced filter holds for the value that was seen (truth table of §4.4)."""
    operator = one.operator
    absent = seen is MISSING or seen is None  # null counts as missing
    if operator == "IsNullOrUndefined":
        return absent
    if operator == "IsNotNull":
        return not absent
    if absent:
        return operator in ("NumberNotIn", "NumberNotInRange", "StringNotIn")
    if isinstance(seen, list) and not on_arrays:
        return False
    is_usable, test = _TESTS[operator.replace("Not", "")]
    elements = [element for element in _usable(operator, seen) if is_usable(element)]
    operands = [one.value] if one.values is None else one.values
    passed = any(test(element, operand) for element in elements for operand in operands)
    return passed != ("Not" in operator)


def _usable(operator: str, seen: Any) -> Iterator[Any]:
    if isinstance(seen, list):
        yield from seen
    elif operator.startswith("String") and (isinstance(seen, bool) or _is_number(seen)):
        yield json_text(seen)
    else:
        yield seen


def json_text(value: float) -> str:
    """Return a number or bool as JSON, a number as orjson writes it (which knows integers of 64 bits only)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return orjson.dumps(value).decode()


@lru_cache(maxsize=8192)
def fold(text: str) -> str:
    """Return `text` with each code point in its simple upper case."""
    return "".join(letter.upper() if len(letter.upper()) == 1 else _title(letter) for letter in text)


def _title(letter: str) -> str:
    # No letter's full upper case grows while its simple one is other than its title case (ᾳ) or itself (ß).
    return letter.title() if len(letter.title()) == 1 else letter


def _as_is(text: str) -> str:
    return text


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_bool(value: object) -> bool:
    return isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _folded(test: Callable[[str, str], bool]) -> Callable[[str, str], bool]:
    return lambda seen, operand: test(fold(seen), fold(operand))


# By the operator's name without "Not": which values it looks at, and what must hold of one of them and one operand.
_TESTS: Final[dict[str, tuple[Callable[[Any], bool], Callable[[Any, Any], bool]]]] = {
    "NumberIn": (_is_number, lambda seen, operand: seen == operand),
    "NumberInRange": (_is_number, lambda seen, operand: operand[0] <= seen <= operand[1]),
    "NumberLessThan": (_is_number, lt),
    "NumberLessThanOrEquals": (_is_number, le),
    "NumberGreaterThan": (_is_number, gt),
    "NumberGreaterThanOrEquals": (_is_number, ge),
    "BoolEquals": (_is_bool, lambda seen, operand: seen == operand),
    "StringIn": (_is_text, _folded(lambda seen, operand: seen == operand)),
    "StringContains": (_is_text, _folded(lambda seen, operand: operand in seen)),
    "StringBeginsWith": (_is_text, _folded(str.startswith)),
    "StringEndsWith": (_is_text, _folded(str.endswith)),
}
