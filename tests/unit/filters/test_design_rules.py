"""The rules of design §6 where Microsoft is silent, and §4.1 to §4.3: each case by name, for reference and engine."""
# ruff: noqa: RUF001 (letters that look alike are what some cases are about)

import json

import pytest

from tests.builders import a_cloud_event, an_event
from tests.unit.filters.evaluators import EVALUATORS
from topics.subscriptions import AdvancedFilter, Filter


def want(operator, key, *values, arrays=False, **value):
    """A filter of one advanced filter."""
    operand = {"values": values} if values else value
    one = AdvancedFilter(operator=operator, key=key, **operand)
    return Filter(advanced_filters=(one,), enable_advanced_filtering_on_arrays=arrays)


def grid(data, **members):
    """An Event Grid event whose `data` is this JSON text."""
    return json.dumps(an_event(data=..., **members), default=lambda _: "@").replace('"@"', data).encode()


def cloud(data="{}", without=(), **members):
    """A CloudEvent whose `data` is this JSON text."""
    event = {name: value for name, value in a_cloud_event(**members).items() if name not in without} | {"data": "@"}
    return json.dumps(event).replace('"@"', data).encode()


def grid_with(text):
    """An Event Grid event with these further members, as JSON text."""
    return grid("{}")[:-1] + b"," + text.encode() + b"}"


BIG = 2**53
RULES = {
    "basic filter (§4.1)": [
        ("no filter: every event", Filter(), grid("{}"), True),
        ("types null: every type", Filter(included_event_types=None), grid("{}"), True),
        ("types []: every type", Filter(included_event_types=()), grid("{}"), True),
        ("its type", Filter(included_event_types=("a", "A.b")), grid("{}", eventType="A.b"), True),
        ("its type, other case", Filter(included_event_types=("a.B",)), grid("{}", eventType="A.b"), True),
        ("a type that begins alike", Filter(included_event_types=("A.b",)), grid("{}", eventType="A.bc"), False),
        ("begins", Filter(subject_begins_with="MODELS/"), grid("{}", subject="models/x"), True),
        ("begins: not within", Filter(subject_begins_with="models/"), grid("{}", subject="a/models/x"), False),
        ("no wildcards", Filter(subject_begins_with="mod*"), grid("{}", subject="models/x"), False),
        ("ends", Filter(subject_ends_with="X"), grid("{}", subject="models/x"), True),
        ("ends: not within", Filter(subject_ends_with="models"), grid("{}", subject="models/x"), False),
        (
            "begin and end may overlap",
            Filter(subject_begins_with="models", subject_ends_with="dels"),
            grid("{}", subject="models"),
            True,
        ),
        (
            "case-sensitive begin",
            Filter(subject_begins_with="M", is_subject_case_sensitive=True),
            grid("{}", subject="m"),
            False,
        ),
        (
            "case-sensitive end",
            Filter(subject_ends_with="m", is_subject_case_sensitive=True),
            grid("{}", subject="m"),
            True,
        ),
        (
            "case-sensitivity is of the basic filter only",
            want("StringIn", "subject", "M").model_copy(update={"is_subject_case_sensitive": True}),
            grid("{}", subject="m"),
            True,
        ),
        (
            "types are never case-sensitive",
            Filter(included_event_types=("A",), is_subject_case_sensitive=True),
            grid("{}", eventType="a"),
            True,
        ),
        (
            "all must hold",
            Filter(
                included_event_types=("A",),
                subject_begins_with="m",
                subject_ends_with="x",
                advanced_filters=(AdvancedFilter(operator="IsNotNull", key="data.none"),),
            ),
            grid("{}", eventType="A", subject="mx"),
            False,
        ),
        (
            "the same key in several filters: all must hold",
            Filter(
                advanced_filters=(
                    AdvancedFilter(operator="NumberGreaterThan", key="data.n", value=1),
                    AdvancedFilter(operator="NumberLessThan", key="data.n", value=3),
                )
            ),
            grid('{"n": 3}'),
            False,
        ),
        ("types of a CloudEvent", Filter(included_event_types=("A.B",)), cloud(type="a.b"), True),
        ("subject of a CloudEvent", Filter(subject_ends_with="/C"), cloud(subject="b/c"), True),
    ],
    "keys (§4.3)": [
        ("id", want("StringIn", "id", "7"), grid("{}", id="7"), True),
        ("topic", want("StringIn", "Topic", "/t"), grid("{}", topic="/T"), True),
        ("subject", want("StringIn", "Subject", "s"), grid("{}", subject="S"), True),
        ("eventType", want("StringIn", "EventType", "A"), grid("{}", eventType="a"), True),
        ("eventTime", want("StringBeginsWith", "eventtime", "2025-"), grid("{}"), True),
        ("dataVersion", want("StringIn", "DataVersion", "2"), grid("{}", dataVersion="2"), True),
        ("metadataVersion", want("StringIn", "metadataVersion", "1"), grid("{}"), True),
        ("source of a CloudEvent", want("StringIn", "source", "/s"), cloud(source="/S"), True),
        ("type of a CloudEvent", want("StringIn", "type", "A"), cloud(type="a"), True),
        ("specversion", want("StringIn", "specversion", "1.0"), cloud(), True),
        ("extension", want("StringBeginsWith", "comExampleOther", "5", "1"), cloud(comexampleother=5), True),
        ("data, any case", want("NumberIn", "DATA.KEY", 1), grid('{"key": 1}'), True),
        ("nested, any case", want("NumberIn", "Data.A.b.C", 1), grid('{"a": {"B": {"c": 1}}}'), True),
        ("through a scalar", want("IsNullOrUndefined", "data.a.b"), grid('{"a": 1}'), True),
        ("through a string", want("IsNullOrUndefined", "data.a.b"), grid('{"a": "b"}'), True),
        ("through an array", want("IsNullOrUndefined", "data.a.b", arrays=True), grid('{"a": [{"b": 1}]}'), True),
        ("through an array, by number", want("IsNullOrUndefined", "data.a.0", arrays=True), grid('{"a": [7]}'), True),
        ("through null", want("IsNullOrUndefined", "data.a.b"), grid('{"a": null}'), True),
        ("64 steps", want("NumberIn", ".".join(["data"] * 64), 1), grid('{"data": ' * 63 + "1" + "}" * 63), True),
        ("Unicode name, any case", want("NumberIn", "data.größe", 1), grid('{"GRÖßE": 1}'), True),
        ("no prefix of a name", want("IsNullOrUndefined", "data.ke"), grid('{"key": 1}'), True),
        ("escaped name", want("NumberIn", "data.ä", 1), grid('{"\\u00e4": 1}'), True),
    ],
    "number or bool under a string operator": [
        ("number as text", want("StringIn", "data.n", "5"), grid('{"n": 5}'), True),
        ("fraction as text", want("StringIn", "data.n", "5.0"), grid('{"n": 5.0}'), True),
        ("as orjson writes it", want("StringIn", "data.n", "100.0"), grid('{"n": 1E2}'), True),
        ("not as it was written", want("StringIn", "data.n", "1E2"), grid('{"n": 1E2}'), False),
        ("a small one", want("StringIn", "data.n", "1e-8"), grid('{"n": 0.00000001}'), True),
        ("negative", want("StringBeginsWith", "data.n", "-"), grid('{"n": -1}'), True),
        ("a large integer", want("StringIn", "data.n", "9007199254740993"), grid('{"n": 9007199254740993}'), True),
        ("true", want("StringIn", "data.b", "TRUE"), grid('{"b": true}'), True),
        ("false ends with", want("StringEndsWith", "data.b", "se"), grid('{"b": false}'), True),
        ("not in", want("StringNotIn", "data.n", "5"), grid('{"n": 5}'), False),
        ("not contains", want("StringNotContains", "data.n", "5"), grid('{"n": 152}'), False),
        ("number in an array is ignored", want("StringIn", "data.n", "5", arrays=True), grid('{"n": [5]}'), False),
        ("and so for negations", want("StringNotIn", "data.n", "5", arrays=True), grid('{"n": [5]}'), True),
        ("bool in an array is ignored", want("StringIn", "data.n", "true", arrays=True), grid('{"n": [true]}'), False),
    ],
    "object under any operator": [
        ("positive", want("StringContains", "data.o", ""), grid('{"o": {"a": "b"}}'), False),
        ("negative", want("StringNotContains", "data.o", ""), grid('{"o": {"a": "b"}}'), True),
        ("negative number", want("NumberNotIn", "data.o", 1), grid('{"o": {"a": 1}}'), True),
        ("is not null", want("IsNotNull", "data.o"), grid('{"o": {}}'), True),
    ],
    "null, object or array inside an array": [
        ("null", want("StringIn", "data.a", "null", arrays=True), grid('{"a": [null]}'), False),
        ("object", want("NumberIn", "data.a", 1, arrays=True), grid('{"a": [{"b": 1}]}'), False),
        ("no flattening", want("NumberIn", "data.a", 1, arrays=True), grid('{"a": [[1]]}'), False),
        ("no flattening for negations", want("NumberNotIn", "data.a", 1, arrays=True), grid('{"a": [[1]]}'), True),
        ("the others still count", want("NumberIn", "data.a", 1, arrays=True), grid('{"a": [null, {}, [], 1]}'), True),
        ("[null] is not null", want("IsNotNull", "data.a", arrays=True), grid('{"a": [null]}'), True),
        ("[null] is no null", want("IsNullOrUndefined", "data.a", arrays=True), grid('{"a": [null]}'), False),
    ],
    "no string → number coercion": [
        ("string under a number operator", want("NumberIn", "data.n", 5), grid('{"n": "5"}'), False),
        ("string under its negation", want("NumberNotIn", "data.n", 5), grid('{"n": "5"}'), True),
        ("string above", want("NumberGreaterThan", "data.n", 1), grid('{"n": "5"}'), False),
        ("true is not 1", want("NumberIn", "data.n", 1), grid('{"n": true}'), False),
        ("1 is not true", want("BoolEquals", "data.n", value=True), grid('{"n": 1}'), False),
        ("null is not false", want("BoolEquals", "data.n", value=False), grid('{"n": null}'), False),
    ],
    "letters": [
        ("beyond ASCII", want("StringIn", "data.s", "ÉCOLE"), grid('{"s": "école"}'), True),
        ("Greek final sigma", want("StringIn", "data.s", "ΣΟΦΟΣ"), grid('{"s": "σοφος"}'), True),
        ("Cyrillic", want("StringContains", "data.s", "ОДЕЛ"), grid('{"s": "модель"}'), True),
        ("beyond the BMP", want("StringIn", "data.s", "𐐀"), grid('{"s": "\\ud801\\udc28"}'), True),
        ("ß is not SS", want("StringIn", "data.s", "STRASSE"), grid('{"s": "straße"}'), False),
        ("ß is ß", want("StringIn", "data.s", "STRAßE"), grid('{"s": "straße"}'), True),
        ("ligatures stay", want("StringIn", "data.s", "FI"), grid('{"s": "ﬁ"}'), False),
        ("ŉ stays", want("StringBeginsWith", "data.s", "ʼn"), grid('{"s": "ŉ"}'), False),
        ("ᾳ is ᾼ", want("StringIn", "data.s", "ᾼ"), grid('{"s": "ᾳ"}'), True),
        ("ǆ is Ǆ", want("StringIn", "data.s", "Ǆ"), grid('{"s": "ǆ"}'), True),
        ("long s is S", want("StringIn", "data.s", "S"), grid('{"s": "ſ"}'), True),
        ("micro sign is M", want("StringIn", "data.s", "Μ"), grid('{"s": "µ"}'), True),
        ("no normalisation", want("StringIn", "data.s", "é"), grid('{"s": "e\\u0301"}'), False),
        ("combining marks are letters", want("StringBeginsWith", "data.s", "e"), grid('{"s": "e\\u0301"}'), True),
        ("subject", Filter(subject_begins_with="É"), grid("{}", subject="éa"), True),
        ("subject, ß", Filter(subject_ends_with="SS"), grid("{}", subject="ß"), False),
        ("types", Filter(included_event_types=("É",)), grid("{}", eventType="é"), True),
        ("not in", want("StringNotIn", "data.s", "É"), grid('{"s": "é"}'), False),
        ("in an array", want("StringEndsWith", "data.s", "É", arrays=True), grid('{"s": ["x", "aé"]}'), True),
    ],
    "numbers": [
        ("beyond 2^53: equal", want("NumberIn", "data.n", BIG + 1), grid(f'{{"n": {BIG + 1}}}'), True),
        ("beyond 2^53: one less", want("NumberIn", "data.n", BIG + 1), grid(f'{{"n": {BIG}}}'), False),
        ("beyond 2^53: above", want("NumberGreaterThan", "data.n", value=BIG), grid(f'{{"n": {BIG + 1}}}'), True),
        ("beyond 2^53: not above", want("NumberGreaterThan", "data.n", value=BIG + 1), grid(f'{{"n": {BIG + 1}}}'), False),
        ("beyond 2^53: range", want("NumberInRange", "data.n", (BIG + 1, BIG + 1)), grid(f'{{"n": {BIG}}}'), False),
        ("beyond 2^64: equal", want("NumberIn", "data.n", 2**64 + 1), grid(f'{{"n": {2**64 + 1}}}'), True),
        ("beyond 2^64: one more", want("NumberIn", "data.n", 2**64 + 1), grid(f'{{"n": {2**64 + 2}}}'), False),
        ("beyond 2^64: below", want("NumberLessThan", "data.n", value=2**64 + 1), grid(f'{{"n": {2**64}}}'), True),
        ("below -2^64", want("NumberNotIn", "data.n", -(2**70)), grid(f'{{"n": {-(2**70) - 1}}}'), True),
        ("5 is 5.0", want("NumberIn", "data.n", 5.0), grid('{"n": 5}'), True),
        ("50E-1 is 5", want("NumberIn", "data.n", 5), grid('{"n": 50E-1}'), True),
        ("-0.0 is 0", want("NumberIn", "data.n", 0), grid('{"n": -0.0}'), True),
        ("doubles as doubles", want("NumberIn", "data.n", 0.1), grid('{"n": 0.1000000000000000055}'), True),
        ("range is inclusive", want("NumberInRange", "data.n", (0.1, 0.3)), grid('{"n": 0.3}'), True),
        ("range of one number", want("NumberInRange", "data.n", (3, 3)), grid('{"n": 3.0}'), True),
        ("not in range, on its end", want("NumberNotInRange", "data.n", (1, 2)), grid('{"n": 2}'), False),
        ("not in any range", want("NumberNotInRange", "data.n", (1, 2), (4, 5)), grid('{"n": 3}'), True),
        ("a tiny number", want("NumberGreaterThan", "data.n", value=0), grid('{"n": 5e-324}'), True),
    ],
    "names that differ only in case; repeated keys": [
        ("exact name first", want("NumberIn", "data.ab", 2), grid('{"AB": 1, "ab": 2}'), True),
        ("exact name, though later", want("NumberIn", "data.Ab", 3), grid('{"AB": 1, "ab": 2, "Ab": 3}'), True),
        ("else the first", want("NumberIn", "data.ab", 1), grid('{"AB": 1, "aB": 2}'), True),
        ("and no other", want("NumberIn", "data.ab", 2), grid('{"AB": 1, "aB": 2}'), False),
        ("no backtracking", want("IsNullOrUndefined", "data.a.b"), grid('{"a": {}, "A": {"b": 1}}'), True),
        ("no backtracking from a scalar", want("IsNullOrUndefined", "data.a.b"), grid('{"a": 1, "A": {"b": 1}}'), True),
        ("no backtracking from null", want("IsNullOrUndefined", "data.a"), grid('{"a": null, "A": 1}'), True),
        ("the last of repeated keys", want("NumberIn", "data.a", 2), grid('{"a": 1, "a": 2}'), True),
        ("not the first of them", want("NumberIn", "data.a", 1), grid('{"a": 1, "a": 2}'), False),
        ("the last, also in other case", want("NumberIn", "data.a", 2), grid('{"A": 1, "A": 2}'), True),
        ("objects are not merged", want("IsNullOrUndefined", "data.a.b"), grid('{"a": {"b": 1}, "a": {"c": 2}}'), True),
        ("data twice", want("NumberIn", "data.a", 2), grid_with('"data": {"a": 2}'), True),
        ("data in another case is another member", want("IsNullOrUndefined", "data.a"), grid_with('"Data": {"a": 2}'), True),
        ("Data of its own", want("NumberIn", "Data.a", 2), grid_with('"Data": {"a": 2}'), True),
        ("repeated by an escape", want("NumberIn", "data.a", 2), grid('{"a": 1, "\\u0061": 2}'), True),
    ],
    "names that contain dots": [
        ("as one name", want("StringIn", "data.tags.azureml.id", "x"), grid('{"tags": {"azureml.id": "x"}}'), True),
        ("any case", want("StringIn", "data.Tags.AzureML.ID", "x"), grid('{"tags": {"azureml.id": "x"}}'), True),
        ("the longest first", want("NumberIn", "data.a.b", 1), grid('{"a": {"b": 2}, "a.b": 1}'), True),
        ("however late", want("NumberIn", "data.a.b.c", 1), grid('{"a": {"b": {"c": 3}, "b.c": 2}, "a.b.c": 1}'), True),
        ("then the next longest", want("NumberIn", "data.a.b.c", 2), grid('{"a": {"b.c": 3}, "a.b": {"c": 2}}'), True),
        ("no backtracking", want("IsNullOrUndefined", "data.a.b.c"), grid('{"a": {"b": {"c": 2}}, "a.b": 1}'), True),
        ("longest in another case", want("NumberIn", "data.a.b", 1), grid('{"a": {"b": 2}, "A.B": 1}'), True),
        ("dots on several levels", want("NumberIn", "data.a.b.c.d", 1), grid('{"a.b": {"c.d": 1}}'), True),
        ("none: as in Event Grid", want("NumberIn", "data.a.b", 2), grid('{"a": {"b": 2}}'), True),
        ("beside the envelope", want("NumberIn", "data.x", 1), grid_with('"data.x": 1'), True),
        ("null under the longest", want("IsNullOrUndefined", "data.a.b"), grid('{"a.b": null, "a": {"b": 1}}'), True),
        ("a name of a dot", want("NumberIn", "data.a", 1), grid('{".": 2, "a": 1}'), True),
    ],
    "aliases of envelope names": [
        ("eventid", want("StringIn", "EventId", "7"), grid("{}", id="7"), True),
        ("eventid of a CloudEvent", want("StringIn", "eventid", "7"), cloud(id="7"), True),
        ("eventtype of a CloudEvent", want("StringIn", "EventType", "A"), cloud(type="a"), True),
        ("type of an Event Grid event", want("StringIn", "type", "A"), grid("{}", eventType="a"), True),
        ("eventtypeversion", want("StringIn", "EventTypeVersion", "2"), grid("{}", dataVersion="2"), True),
        ("eventtypeversion of a CloudEvent", want("StringIn", "eventtypeversion", "s"), cloud(dataschema="s"), True),
        ("topic of a CloudEvent", want("StringIn", "Topic", "/s"), cloud(source="/s"), True),
        ("source of an Event Grid event", want("StringIn", "source", "/t"), grid("{}", topic="/t"), True),
        ("time of an Event Grid event", want("StringBeginsWith", "time", "2025"), grid("{}"), True),
        ("eventTime of a CloudEvent", want("StringBeginsWith", "EventTime", "2025"), cloud(), True),
        ("a literal member wins", want("StringIn", "source", "mine"), grid_with('"source": "mine"'), True),
        ("in any case", want("StringIn", "source", "mine"), grid_with('"Source": "mine"'), True),
        ("though null", want("IsNullOrUndefined", "source"), grid_with('"source": null'), True),
        ("extension wins", want("StringIn", "topic", "mine"), cloud(topic="mine"), True),
        ("only at the root", want("IsNullOrUndefined", "data.type"), grid('{"eventType": "a"}'), True),
        ("only whole names", want("IsNullOrUndefined", "source.x"), grid("{}"), True),
    ],
    "`data` alone": [
        ("a number", want("NumberIn", "data", 5), grid("5"), True),
        ("a string", want("StringIn", "Data", "X"), grid('"x"'), True),
        ("a bool", want("BoolEquals", "data", value=False), grid("false"), True),
        ("an array, on", want("NumberIn", "data", 5, arrays=True), grid("[4, 5]"), True),
        ("an array, off", want("NumberIn", "data", 5), grid("[4, 5]"), False),
        ("null", want("IsNullOrUndefined", "data"), grid("null"), True),
        ("an object", want("IsNotNull", "data"), grid("{}"), True),
        ("a scalar has no members", want("IsNullOrUndefined", "data.x"), grid("5"), True),
        ("none", want("IsNullOrUndefined", "data"), cloud().replace(b', "data": {}', b""), True),
    ],
    "CloudEvents without subject": [
        ("no filter", Filter(), cloud(without=["subject"]), True),
        ("begins with something", Filter(subject_begins_with="m"), cloud(without=["subject"]), False),
        ("not replaced by source", Filter(subject_begins_with="/"), cloud(without=["subject"], source="/s"), False),
        ("null", Filter(subject_ends_with="m"), cloud(subject=None), False),
        ("key subject is empty", want("StringIn", "subject", ""), cloud(without=["subject"]), True),
        ("key subject is not source", want("StringIn", "subject", "/s"), cloud(without=["subject"], source="/s"), False),
    ],
    '`""` as an operand': [
        ("begins with", want("StringBeginsWith", "data.s", ""), grid('{"s": "x"}'), True),
        ("ends with", want("StringEndsWith", "data.s", ""), grid('{"s": ""}'), True),
        ("contains", want("StringContains", "data.s", ""), grid('{"s": "x"}'), True),
        ("contains, number", want("StringContains", "data.s", ""), grid('{"s": 5}'), True),
        ("not begins with", want("StringNotBeginsWith", "data.s", ""), grid('{"s": "x"}'), False),
        ("not ends with", want("StringNotEndsWith", "data.s", ""), grid('{"s": "x"}'), False),
        ("not contains", want("StringNotContains", "data.s", ""), grid('{"s": ""}'), False),
        ("in", want("StringIn", "data.s", ""), grid('{"s": ""}'), True),
        ("in: not every string", want("StringIn", "data.s", ""), grid('{"s": "x"}'), False),
        ("missing", want("StringContains", "data.s", ""), grid("{}"), False),
        ("array without strings", want("StringContains", "data.s", "", arrays=True), grid('{"s": [1]}'), False),
    ],
    "operands": [
        ("a superfluous one on a null operator", want("IsNotNull", "data.s", "x"), grid('{"s": "y"}'), True),
        ("several: any", want("StringContains", "data.s", "q", "X"), grid('{"s": "axb"}'), True),
        ("several negated: none", want("StringNotContains", "data.s", "q", "X"), grid('{"s": "axb"}'), False),
        ("several negated: all absent", want("StringNotBeginsWith", "data.s", "q", "x"), grid('{"s": "axb"}'), True),
        ("the same twice", want("StringIn", "data.s", "x", "X", "x"), grid('{"s": "x"}'), True),
        ("two that both fit", want("StringBeginsWith", "data.s", "a", "ab"), grid('{"s": "abc"}'), True),
    ],
}  # fmt: skip


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize(
    ("wanted", "body", "expected"),
    [
        pytest.param(wanted, body, expected, id=f"{rule}: {name}")
        for rule, cases in RULES.items()
        for name, wanted, body, expected in cases
    ],
)
def test_the_rules_of_design(evaluator, wanted, body, expected):
    assert EVALUATORS[evaluator](wanted, body) is expected
