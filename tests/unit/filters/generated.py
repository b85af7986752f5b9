"""Events and filters at random, of a small vocabulary, so that they meet often: one generator for hypothesis and for bulk.

Everything is drawn from a `random.Random`. Filters look at what an event really has, in other letters, cut, or one off.
"""
# ruff: noqa: RUF001 (letters that fold in unusual ways)

import json
from random import Random
from typing import Any, Final

from tests.unit.filters.reference import MISSING, Object, json_text, parsed, value_at
from topics.subscriptions import AdvancedFilter, Filter

NUMBERS: Final = (
    "0", "1", "2", "3", "-1", "2.0", "2.5", "0.1", "1E2", "50e-1", "-0", "-0.0", "1e300", "5e-324", "1e-8", "1e22",
    str(2**53), str(2**53 + 1), str(-(2**53) - 1), f"{2**53}.0", str(2**63), str(2**64), str(2**64 + 1), str(-(2**65)),
)  # fmt: skip
TEXTS: Final = (
    '""', '"a"', '"A"', '"ab"', '"aB"', '"abc"', '"b"', '"1"', '"2.5"', '"true"', '"null"', '"é"', '"É"', '"éa"',
    '"\\u00e9"', '"e\\u0301"', '"ß"', '"SS"', '"ﬁ"', '"ᾳ"', '"ᾼ"', '"ſ"', '"\\ud801\\udc28"', '"𐐀"', '"a\\u0000b"', '"a\\"b"',
)  # fmt: skip
SCALARS: Final = ("null", "null", "null", "true", "false", *NUMBERS, *TEXTS)
KINDS: Final = (str, int, float, bool, type(None))
ALIKE: Final = {kind: [one for one in map(json.loads, SCALARS) if type(one) is kind] for kind in KINDS}
NAMES: Final = ("a", "a", "A", "b", "b", "ab", "aB", "a.b", "A.B", "b.a.b", "é", "É", "\\u0061", "ß", ".", "")
TYPES: Final = ("T.a", "t.A", "T.b", "t.é", "T.É", "")
SUBJECTS: Final = ("a", "A/b", "a/B/c", "a/b/C", "é/ß", "É/ß", "aa", "")
MEMBERS: Final = (
    "source", "topic", "Topic", "type", "Type", "time", "eventTime", "dataVersion", "dataversion", "dataschema", "Data",
    "data", "subject", "Subject", "SUBJECT", "a", "data.a", "data.a.b", "DATA.B", "id.a", "eventid", "comext", "specVersion",
)  # fmt: skip
NEEDED: Final = ("id", "source", "topic", "type", "eventType", "specversion")
ENVELOPE: Final = (*NEEDED, "subject", "time", "eventTime", "dataVersion")
KEYS: Final = (
    "id", "ID", "EventId", "topic", "source", "Subject", "subject", "eventType", "EventType", "type", "eventTime", "time",
    "dataVersion", "eventTypeVersion", "dataschema", "comExt", "data", "DATA", "data.a", "data.A", "Data.a", "data.b",
    "data.ab", "data.a.b", "data.A.B", "data.b.a.b", "data.a.b.a.b", "data.é", "data.É", "a", "data.none", "data.n", "data.s", "Data.F", "data.l",
    "data.N", "data.S", "subject.a", "source.a",
)  # fmt: skip
USUAL: Final = ("data.n", "data.n", "data.s", "data.f", "data.l", "subject", "type")
POSITIVE: Final = ("NumberIn", "NumberInRange", "StringContains", "StringBeginsWith", "StringEndsWith", "StringIn")
ORDERED: Final = ("NumberLessThan", "NumberLessThanOrEquals", "NumberGreaterThan", "NumberGreaterThanOrEquals")
NEGATIVE: Final = tuple(name.replace("Number", "NumberNot").replace("String", "StringNot") for name in POSITIVE)
OPERATORS: Final = (
    *POSITIVE,
    "NumberIn",
    "StringIn",
    "NumberIn",
    "StringIn",
    *ORDERED,
    *NEGATIVE,
    "BoolEquals",
    "IsNullOrUndefined",
    "IsNotNull",
)


def an_event(random: Random) -> bytes:
    """Draw an event of either schema."""
    cloud = random.random() < 0.4
    members = [
        ("id", random.choice(['"1"', '"a"', '"AB"'])),
        ("source" if cloud else "topic", random.choice(['"/s"', '"/S/a"', '"a"'])),
        ("type" if cloud else "eventType", json.dumps(random.choice(TYPES[:-1]))),
    ]
    if cloud:
        members.append(("specversion", '"1.0"'))
    if random.random() < 0.8:
        members.append(("subject", json.dumps(random.choice((*SUBJECTS, None)))))
    if random.random() < 0.9:
        members.append(("data", _data(random) if random.random() < 0.85 else _value(random, 2)))
    for _ in range(random.choice((0, 0, 1, 2))):
        name = random.choice(MEMBERS)
        # What the envelope reads must be text where it stands.
        is_text = name in ("source", "topic", "type", "subject", "time", "eventTime", "dataVersion")
        members.append((name, random.choice(('"a"', '"A/b"')) if is_text else _value(random, 1)))
    random.shuffle(members)
    return _written(members).encode()


def _data(random: Random) -> str:
    """Members that most events have, and others at random."""
    usual = [
        ("n", random.choice(NUMBERS[:8] if random.random() < 0.6 else NUMBERS)),
        ("s", random.choice(TEXTS[:8])),
        ("f", random.choice(("true", "false"))),
        ("l", f"[{random.choice(NUMBERS[:6])}, {random.choice(TEXTS[:6])}, {random.choice(('true', 'null', '{}'))}]"),
    ]
    members = [(random.choice(NAMES), _value(random, 2)) for _ in range(random.choice((0, 1, 2, 4, 6)))]
    for name, value in usual:
        if random.random() < 0.7:
            members.append((name, value if random.random() < 0.85 else random.choice(SCALARS)))
    random.shuffle(members)
    return _written(members)


def _object(random: Random, depth: int) -> str:
    return _written(
        [(random.choice(NAMES), _value(random, depth - 1)) for _ in range(random.choice((0, 1, 2, 3, 4, 6)))]
    )


def _written(members: list[tuple[str, str]]) -> str:
    return "{" + ", ".join(f'"{name}": {value}' for name, value in members) + "}"


def _value(random: Random, depth: int) -> str:
    kind = random.random()
    if depth and kind < 0.3:
        return _object(random, depth)
    if depth and kind < 0.5:
        of = random.choice((SCALARS, NUMBERS, TEXTS))
        elements = [random.choice(of) for _ in range(random.choice((0, 1, 2, 3, 5)))]
        if random.random() < 0.2:
            elements.append(_value(random, depth - 1))
        return f"[{', '.join(elements)}]"
    return random.choice(SCALARS)


def a_variant(random: Random, body: bytes) -> bytes:
    """Draw an event like another: other values mostly; sometimes a name more or less, another kind of value, another order."""
    members = list(parsed(body).members)
    varied = [
        (n, v if n in ENVELOPE else _varied(random, v)) for n, v in members if n in NEEDED or random.random() < 0.98
    ]
    if random.random() < 0.1:
        varied.append(
            (random.choice(("data", "Data", "a", "comext", "DATA.A")), _varied(random, random.choice(members)[1]))
        )
    if random.random() < 0.1:
        random.shuffle(varied)
    return _as_text(Object(tuple(varied))).encode()


def _varied(random: Random, value: Any) -> Any:
    if random.random() < 0.02:
        return json.loads(random.choice(SCALARS))
    if isinstance(value, list):
        return [_varied(random, one) for one in value if random.random() < 0.9]
    if not isinstance(value, Object):
        return random.choice(ALIKE[type(value)]) if random.random() < 0.5 else value
    members = [(name, _varied(random, member)) for name, member in value.members if random.random() < 0.98]
    if members and random.random() < 0.08:
        name, member = random.choice(members)
        other = random.choice(
            (name, _in_other_letters(random, name), f"{name}.{random.choice(NAMES[:9])}", random.choice(NAMES[:9]))
        )
        members.insert(random.randint(0, len(members)), (other, _varied(random, member)))
    return Object(tuple(members))


def _as_text(value: Any) -> str:
    if isinstance(value, Object):
        return "{" + ", ".join(f"{json.dumps(name)}: {_as_text(member)}" for name, member in value.members) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(_as_text, value))}]"
    return json.dumps(value)


def a_filter(random: Random, body: bytes) -> Filter:
    """Draw a filter that looks at what the event has."""
    event = parsed(body)
    schema = "CloudEventSchemaV1_0" if b'"specversion"' in body else "EventGridSchema"
    paths = _paths(event)
    advanced = []
    for _ in range(random.choice((0, 1, 1, 2, 2, 3, 5))):
        key = random.choice(
            random.choice((USUAL, USUAL, KEYS, [path for path in paths if path[:5] == "data."] or paths))
        )
        key = _in_other_letters(random, key)
        if advanced and random.random() < 0.2:
            key = advanced[-1].key
        advanced.append(_advanced(random, key, value_at(event, key, schema)))
    subject = value_at(event, "subject")
    subject = subject if isinstance(subject, str) else ""
    return Filter(
        included_event_types=_types(random),
        subject_begins_with=_cut(random, subject) if random.random() < 0.25 else "",
        subject_ends_with=_cut(random, subject) if random.random() < 0.25 else "",
        is_subject_case_sensitive=random.random() < 0.3,
        enable_advanced_filtering_on_arrays=random.random() < 0.6,
        advanced_filters=tuple(advanced),
    )


def a_neighbour(random: Random, wanted: Filter) -> Filter:
    """Draw a filter of the same shape with other operands: what an index would file side by side."""
    return wanted.model_copy(
        update={
            "advanced_filters": tuple(_advanced(random, one.key, ..., one.operator) for one in wanted.advanced_filters),
            "included_event_types": wanted.included_event_types and _types(random),
        }
    )


def filters_for(random: Random, bodies: list[bytes], count: int) -> list[Filter]:
    """Draw filters that look at these events, some of them like others."""
    filters: list[Filter] = []
    for _ in range(count):
        if filters and random.random() < 0.4:
            filters.append(a_neighbour(random, random.choice(filters)))
        else:
            filters.append(a_filter(random, random.choice(bodies)))
    return filters


def _types(random: Random) -> tuple[str, ...] | None:
    return random.choice((None, None, (), tuple(random.choice(TYPES) for _ in range(random.choice((1, 2, 3))))))


def _paths(value: Any, before: str = "") -> list[str]:
    found = []
    if isinstance(value, Object):
        for name, member in value.members:
            if name:
                found += [before + name, *_paths(member, f"{before}{name}.")]
    return found


def _in_other_letters(random: Random, text: str) -> str:
    case = random.choice((None, None, str.upper, str.lower, str.swapcase))
    return text if case is None else "".join(case(letter) if len(case(letter)) == 1 else letter for letter in text)


def _cut(random: Random, text: str) -> str:
    """The text, its beginning, its end, a part; in these letters or others."""
    start, end = sorted((random.randint(0, len(text)), random.randint(0, len(text))))
    return _in_other_letters(random, random.choice((text, text, text[:end], text[start:], text[start:end])))


def _advanced(random: Random, key: str, seen: Any, operator: str | None = None) -> AdvancedFilter:
    if isinstance(seen, list) and seen:
        seen = random.choice(seen)
    if operator is None:
        likely = [name for name in OPERATORS if name.startswith(_kind(seen))]
        operator = random.choice(likely if random.random() < 0.8 else OPERATORS)
    if operator.startswith("Is"):
        return AdvancedFilter(operator=operator, key=key)
    if operator == "BoolEquals":
        return AdvancedFilter(operator=operator, key=key, value=random.random() < 0.5)
    if operator in ORDERED:
        return AdvancedFilter(operator=operator, key=key, value=_number(random, seen))
    draw = _range if operator.endswith("Range") else _number if operator.startswith("Number") else _text
    values = tuple(draw(random, seen) for _ in range(random.choice((1, 1, 1, 2, 3))))
    return AdvancedFilter(operator=operator, key=key, values=values)


def _kind(seen: Any) -> str:
    match seen:
        case bool():
            return "Bool"
        case int() | float():
            return "Number"
        case str():
            return "String"
        case _:
            return ""


def _number(random: Random, seen: Any) -> float:
    if isinstance(seen, int | float) and not isinstance(seen, bool) and random.random() < 0.7:
        return seen + random.choice((0, 0, 1, -1))
    return json.loads(random.choice(NUMBERS if random.random() < 0.3 else NUMBERS[:8]))


def _range(random: Random, seen: Any) -> tuple[float, ...]:
    return tuple(sorted((_number(random, seen), _number(random, seen))))


def _text(random: Random, seen: Any) -> str:
    if isinstance(seen, str) and random.random() < 0.75:
        return _cut(random, seen)
    if isinstance(seen, bool | int | float) and random.random() < 0.75:
        return _cut(random, json_text(seen))
    if seen is None or seen is MISSING:
        return random.choice(("null", "", "a"))
    return json.loads(random.choice(TEXTS))
