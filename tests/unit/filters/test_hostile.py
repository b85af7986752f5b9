"""Hostile events and odd filters cost bounded time and never raise; what stands beside them is found as ever."""

import json
from decimal import Decimal

import pytest

from router.events.envelope import EventGridEnvelope, UnreadableEventError, read_envelope
from router.filters.clauses import clauses_of
from router.filters.explain import explain
from router.filters.index import Index
from tests.builders import an_event, as_bytes
from tests.unit.filters import reference
from tests.unit.filters.evaluators import an_index, by_engine, by_reference
from tests.unit.filters.generated import OPERATORS
from tests.unit.filters.test_truth_table import sample_of
from topics.subscriptions import AdvancedFilter, Filter

pytestmark = pytest.mark.timeout(50)  # generous: what costs more than this has no bound

ENVELOPE = EventGridEnvelope(id="1", type="T.a", source="/s", subject="a")
MEGABYTE = 1_000_000
REFERENCE_BYTES = 20_000  # the reference is slow
TEXT = '"a"'


def event(data: str) -> bytes:
    """An event whose `data` is this JSON text, or what its sender thinks is JSON."""
    return b'{"id": "1", "topic": "/s", "subject": "a", "eventType": "T.a", "data": ' + data.encode() + b"}"


def nested(depth: int, opening: str, closing: str) -> str:
    return opening * depth + "1" + closing * depth


HOSTILE = {
    "deep arrays": event(f'{{"k": {nested(100_000, "[", "]")}}}'),
    "deep objects": event(nested(100_000, '{"k": ', "}")),
    "deep beside the key": event(f'{{"k": "a", "z": {nested(100_000, "[", "]")}}}'),
    "deeper than Python goes, under the key": event(f'{{"k": {nested(1_500, "[", "]")}}}'),
    "as deep as a key goes": event(nested(64, '{"k": ', "}")),
    "a megabyte of numbers": event(f'{{"k": [{",".join(["1.5"] * (MEGABYTE // 4))}]}}'),
    "a megabyte of short strings": event(f'{{"k": [{",".join([TEXT] * (MEGABYTE // 4))}]}}'),
    "a megabyte of nulls": event(f'{{"k": [{",".join(["null"] * (MEGABYTE // 5))}]}}'),
    "a megabyte of objects": event(f'{{"k": [{",".join(["{}"] * (MEGABYTE // 3))}]}}'),
    "a long string": event(f'{{"k": "{"a" * 100_000}"}}'),
    "long strings": event(f'{{"k": [{",".join([json.dumps("a" * 100_000)] * 10)}]}}'),
    "a long string beyond ASCII": event(f'{{"k": "{"ß" * 50_000}"}}'),
    "a long name": event(f'{{"{"k" * 100_000}": 1}}'),
    "many names": event("{" + ",".join(f'"k{n}": {n}' for n in range(50_000)) + "}"),
    "many names with dots": event("{" + ",".join(f'"k.{n}": {n}' for n in range(50_000)) + "}"),
    "one name many times": event("{" + ",".join(f'"k": {n}' for n in range(100_000)) + "}"),
    "one name in many letters": event("{" + ",".join(f'"{k}{x}": 1' for k in "kK" for x in "xyz" * 9_999) + "}"),
    "NaN": event('{"k": NaN}'),
    "Infinity": event('{"k": [1, -Infinity]}'),
    "1e999": event('{"k": 1e999}'),
    "-1e999 in an array": event('{"k": [1, "a", -1e999]}'),
    "1e999 beside the key": event('{"k": 1, "z": 1e999}'),
    "an integer of 5,000 digits": event(f'{{"k": {"9" * 5_000}}}'),
    "an integer of 400 digits": event(f'{{"k": {"9" * 400}}}'),
    "a fraction of 5,000 digits": event(f'{{"k": 0.{"3" * 5_000}}}'),
    "a lone surrogate": event('{"k": "\\ud800"}'),
    "a lone surrogate in an array": event('{"k": ["a", "\\udfff"]}'),
    "a lone surrogate beside the key": event('{"k": "a", "z": "\\ud800a"}'),
    "a lone surrogate as a name": event('{"\\ud800": 1, "k": "a"}'),
    "NUL": event('{"k": "a\\u0000b"}'),
    "bytes that are no UTF-8": event('{"k": "@"}').replace(b"@", b"\xff\xfe"),
    "a surrogate in UTF-8": event('{"k": "@"}').replace(b"@", b"\xed\xa0\x80"),
    "a bare control character": event('{"k": "a\nb"}'),
    "cut off": event('{"k": "a"}')[:-6],
    "nothing": b"",
    "null": b"null",
    "an array": b"[]",
    "a string": b'"k"',
    "no JSON": b"data.k",
    "too much": event('{"k": "a"}') + b"]",
    "a leading zero": event('{"k": 007}'),
    "a comma too many": event('{"k": [1,]}'),
    "data as text": event('"{\\"k\\": 1}"'),
    "members of other types": b'{"id": 1, "topic": [], "subject": {}, "eventType": null, "data": {"k": "a"}}',
}


def a_full_filter(operator: str, key: str) -> Filter:
    """A filter of as many conditions as there may be, all of one key."""
    operand = sample_of(operator)[0]
    one = AdvancedFilter(operator=operator, key=key, **operand)
    return Filter(advanced_filters=(one,) * 25, enable_advanced_filtering_on_arrays=True)


def one_of(wanted: Filter) -> Filter:
    """The same, asked once: the reference and explaining look at each condition anew."""
    return wanted.model_copy(update={"advanced_filters": wanted.advanced_filters[:1]})


def long_operands(operator: str) -> Filter:
    """A filter of 25 operands of 512 letters that nearly fit a long string of one letter."""
    values = tuple("a" * 510 + chr(65 + n) + "b" for n in range(25))
    one = AdvancedFilter(operator=operator, key="data.k", values=values)
    return Filter(advanced_filters=(one,), enable_advanced_filtering_on_arrays=True)


FILTERS = {(operator, key): a_full_filter(operator, key) for operator in set(OPERATORS) for key in ("data.k", "data")}
FILTERS |= {("long", name): long_operands(name) for name in ("StringContains", "StringNotContains", "StringIn")}
FILTERS |= {("steps", n): a_full_filter("NumberIn", ".".join(["data", *["k"] * (n - 1)])) for n in (1, 2, 63, 64)}
FILTERS |= {"all": Filter(), "type": Filter(included_event_types=("t.A",))}
INDEX = an_index(FILTERS)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_event_is_matched_without_an_error(name):
    plain = as_bytes(an_event(data={"k": 1}, eventType="T.a", subject="a"))
    snapshot = INDEX.snapshot()
    before, found, after = snapshot.match([ENVELOPE] * 3, [plain, HOSTILE[name], plain])
    assert before == after
    assert sorted(map(str, before)) == sorted(
        str(key) for key, one in FILTERS.items() if reference.matches(one_of(one), ENVELOPE, plain)
    )
    assert {"all", "type"} <= set(found)
    assert len(found) == len(set(found))


@pytest.mark.parametrize("name", HOSTILE)
def test_what_can_be_read_of_a_hostile_event_is_matched_by_the_rules(name):
    body = HOSTILE[name]
    if len(body) > REFERENCE_BYTES:
        return
    try:
        read_envelope(body, [])
        wanted = sorted(str(key) for key, one in FILTERS.items() if reference.matches(one_of(one), ENVELOPE, body))
    except (UnreadableEventError, ValueError, RecursionError):
        return  # never reaches the engine, or is beyond the reference
    (found,) = INDEX.snapshot().match([ENVELOPE], [body])
    assert sorted(map(str, found)) == wanted


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_event_is_explained_without_an_error(name):
    (found,) = INDEX.snapshot().match([ENVELOPE], [HOSTILE[name]])
    filters = list(FILTERS.items())
    # Explaining reads an event anew for each filter: of the large ones a few will do.
    for key, one in filters if len(HOSTILE[name]) < REFERENCE_BYTES else filters[:: len(filters) // 6]:
        assert explain(clauses_of(one_of(one)), ENVELOPE, HOSTILE[name]).matches is (key in found)


ODD_OPERANDS = {
    "unknown operator": AdvancedFilter(operator="StringMatches", key="data.k", values=("a",)),
    "no operator": AdvancedFilter(operator="", key="data.k", values=("a",)),
    "no operand": AdvancedFilter(operator="StringIn", key="data.k"),
    "no operand, not in": AdvancedFilter(operator="StringNotIn", key="data.k"),
    "no value": AdvancedFilter(operator="NumberGreaterThan", key="data.k"),
    "no range": AdvancedFilter(operator="NumberInRange", key="data.k"),
    "value for values": AdvancedFilter(operator="StringIn", key="data.k", value="a"),
    "values for value": AdvancedFilter(operator="NumberGreaterThan", key="data.k", values=(1, 2)),
    "no values": AdvancedFilter(operator="StringNotContains", key="data.k", values=()),
    "text for a number": AdvancedFilter(operator="NumberGreaterThan", key="data.k", value="5"),
    "text for numbers": AdvancedFilter(operator="NumberIn", key="data.k", values=("5", None, True)),
    "bool for a number": AdvancedFilter(operator="NumberLessThan", key="data.k", value=True),
    "number for texts": AdvancedFilter(operator="StringContains", key="data.k", values=(5, None, 1.5)),
    "text for a bool": AdvancedFilter(operator="BoolEquals", key="data.k", value="true"),
    "object": AdvancedFilter(operator="StringIn", key="data.k", values=({"a": 1}, ["b"])),
    "list as value": AdvancedFilter(operator="NumberGreaterThan", key="data.k", value=[1]),
    "lists for texts": AdvancedFilter(operator="StringBeginsWith", key="data.k", values=(["a"], ("a",))),
    "lo above hi": AdvancedFilter(operator="NumberInRange", key="data.k", values=((5, 1),)),
    "half a range": AdvancedFilter(operator="NumberInRange", key="data.k", values=((1,),)),
    "three in a range": AdvancedFilter(operator="NumberNotInRange", key="data.k", values=((1, 2, 3),)),
    "numbers for ranges": AdvancedFilter(operator="NumberInRange", key="data.k", values=(1, 2)),
    "texts in a range": AdvancedFilter(operator="NumberInRange", key="data.k", values=(("a", "b"),)),
    "NaN": AdvancedFilter(operator="NumberGreaterThan", key="data.k", value=float("nan")),
    "NaN in": AdvancedFilter(operator="NumberIn", key="data.k", values=(float("nan"), 1)),
    "NaN in a range": AdvancedFilter(operator="NumberInRange", key="data.k", values=((float("nan"), 3),)),
    "infinity": AdvancedFilter(operator="NumberLessThan", key="data.k", value=float("inf")),
    "a huge integer": AdvancedFilter(operator="NumberLessThan", key="data.k", value=10**400),
    "a huge integer in": AdvancedFilter(operator="NumberIn", key="data.k", values=(10**400, 1.5)),
    "a decimal": AdvancedFilter(operator="NumberLessThan", key="data.k", value=Decimal("1.5")),
    "a lone surrogate": AdvancedFilter(operator="StringContains", key="data.k", values=("\ud800", "a")),
    "a lone surrogate in the key": AdvancedFilter(operator="IsNotNull", key="data.\ud800"),
    "NUL": AdvancedFilter(operator="StringEndsWith", key="data.k", values=("\0",)),
    "many texts": AdvancedFilter(operator="StringIn", key="data.k", values=tuple(map(str, range(10_000)))),
    "many parts": AdvancedFilter(operator="StringContains", key="data.k", values=tuple(map(str, range(10_000)))),
    "a long text": AdvancedFilter(operator="StringContains", key="data.k", values=("ab" * 50_000,)),
    "no key": AdvancedFilter(operator="IsNotNull", key=""),
    "a key of dots": AdvancedFilter(operator="IsNullOrUndefined", key="...."),
    "a key that ends in a dot": AdvancedFilter(operator="IsNullOrUndefined", key="data.k."),
    "a key of 200 steps": AdvancedFilter(operator="IsNullOrUndefined", key="data" + ".k" * 199),
    "a key that is no name": AdvancedFilter(operator="IsNotNull", key="data.def.class.f0.__class__.\n'\"\\"),
    "a key of 100 KB": AdvancedFilter(operator="IsNotNull", key="data." + "k" * 100_000),
}
BODIES = [
    event(f'{{"k": {value}}}')
    for value in (
        "1",
        "5",
        "true",
        "null",
        '"a"',
        '"\\u0000"',
        "1e999",
        str(10**400),
        '[1, "a", true, null, {}, [1]]',
        "{}",
    )
] + [event(nested(300, '{"k": ', "}")), event("{}"), event("1")]


@pytest.mark.parametrize("name", ODD_OPERANDS)
@pytest.mark.parametrize("arrays", [True, False])
def test_an_odd_stored_filter_raises_nothing_and_harms_no_other(name, arrays):
    odd = Filter(advanced_filters=(ODD_OPERANDS[name],), enable_advanced_filtering_on_arrays=arrays)
    index: Index[str] = Index()
    index.add("before", clauses_of(Filter()), "before")
    clauses = clauses_of(odd)
    index.add("odd", clauses, "odd")
    index.add("after", clauses_of(Filter()), "after")
    found = index.snapshot().match([ENVELOPE] * len(BODIES), BODIES)
    for body, keys in zip(BODIES, found, strict=True):
        assert sorted(set(keys) - {"odd"}) == ["after", "before"]
        assert explain(clauses, ENVELOPE, body).matches is ("odd" in keys)
    index.remove("odd")
    assert index.snapshot().match([ENVELOPE], BODIES[:1]) == [["before", "after"]]


@pytest.mark.parametrize(
    "name", ["lo above hi", "infinity", "a huge integer", "a huge integer in", "NUL", "many parts"]
)
def test_an_odd_operand_that_has_a_meaning_keeps_it(name):
    odd = Filter(advanced_filters=(ODD_OPERANDS[name],), enable_advanced_filtering_on_arrays=True)
    for body in [body for body in BODIES if b"1e999" not in body]:
        assert by_engine(odd, body) is by_reference(odd, body)


def test_a_thousand_filters_of_25_conditions_on_one_key_are_found():
    index = an_index({number: a_full_filter("StringContains", "data.k") for number in range(1_000)})
    bodies = [event(json.dumps({"k": "churn"})), event(json.dumps({"k": "a" * 100_000}))]
    hit, miss = index.snapshot().match([ENVELOPE] * 2, bodies)
    assert (len(hit), len(miss)) == (1_000, 0)
