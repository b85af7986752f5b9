"""The events and banks of subscriptions of the matching benchmark: made from seeds, the same every time.

A bank is a list of rules in event-ruler's language; the same rules, translated, are Event Grid filters.
`ml-router-1` (friendly) is exact, prefix, suffix, anybut, numeric, mix. `ml-router-2` (adverse) is hot1 to tworange.
The rest is ours: contains, varcontains, ignorecase, ignorecaseprefix, arrays, and negations, notcontains, intervals,
allbut, in which every subscription excludes something else or has intervals of its own.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from topics.subscriptions import AdvancedFilter, Filter

Rule = dict[str, Any]
EVENTS: Final = 20_000
SIZES: Final = (100, 1_000, 10_000)
MACHINE_LEARNING: Final = "Microsoft.MachineLearningServices."
TYPES: Final = ("RunCompleted", "RunStatusChanged", "ModelRegistered", "ModelDeployed", "DatasetDriftDetected")


@dataclass(frozen=True)
class Bank:
    """Rules by number of subscriptions, and how often they match the events in all, where that is laid down."""

    name: str
    rules: dict[int, list[Rule]]
    totals: dict[int, int] = field(default_factory=dict)
    on_arrays: bool = False
    why_alone: str | None = None
    """Why event-ruler is not measured beside, if it is not."""


def events() -> list[dict[str, Any]]:
    """Return the 20,000 events of `ml-router-1`, seed 7."""
    random = Random(7)  # noqa: S311 (the seed is part of the definition)
    return [_event(number, random) for number in range(EVENTS)]


def _event(number: int, random: Random) -> dict[str, Any]:
    experiment, run, kind = random.randrange(2000), random.randrange(100_000), random.choice(TYPES)
    workspace = (
        f"/subscriptions/00000000-0000-0000-0000-{experiment % 50:012d}/resourceGroups/rg-{experiment % 20}"
        f"/providers/Microsoft.MachineLearningServices/workspaces/ws-{experiment % 50}"
    )
    # The order of the draws is part of the definition.
    moment = tuple(random.randrange(*bounds) for bounds in ((1, 29), (24,), (60,), (60,), (10**6,)))
    return {
        "id": _digest(number),
        "topic": workspace,
        "subject": f"experiments/exp-{experiment}/runs/run-{run}",
        "eventType": MACHINE_LEARNING + kind,
        "eventTime": "2026-08-{:02d}T{:02d}:{:02d}:{:02d}.{:06d}Z".format(*moment),
        "dataVersion": "1.0",
        "metadataVersion": "1",
        "data": _data(number, experiment, run, random),
    }


def _data(number: int, experiment: int, run: int, random: Random) -> dict[str, Any]:
    return {
        "experimentId": f"exp-{experiment}",
        "experimentName": f"exp-{experiment}",
        "runId": f"run-{run}",
        "runType": random.choice(["azureml.scriptrun", "azureml.StepRun", "automl", "hyperdrive"]),
        "runStatus": random.choice(["Completed", "Failed", "Running", "Queued", "Canceled"]),
        "runTags": {
            "team": f"team-{experiment % 40}",
            "stage": random.choice(["dev", "staging", "prod"]),
            "owner": f"user{experiment % 300}@example.com",
            "git": hashlib.sha1(str(number).encode(), usedforsecurity=False).hexdigest(),
        },
        "runProperties": {
            "azureml.git.branch": random.choice(["main", "dev", f"feature/x{run % 100}"]),
            "azureml.ComputeTarget": f"gpu-cluster-{experiment % 10}",
            "ContentSnapshotId": _digest(run),
            "_azureml.ComputeTargetType": "amlctrain",
        },
        "metrics": {
            "accuracy": round(random.random(), 4),
            "loss": round(random.random() * 3, 4),
            "epochs": random.randrange(1, 200),
        },
        "modelName": f"model-{experiment % 500}",
        "modelVersion": str(random.randrange(1, 60)),
        "driftCoefficient": round(random.random(), 4),
    }


def _digest(number: int) -> str:
    return hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()


def with_labels(event: dict[str, Any]) -> dict[str, Any]:
    """Return an event whose data has an array too: its experiment among four other labels."""
    data = event["data"]
    names = [data["modelName"], data["runTags"]["team"], data["experimentName"], data["runStatus"], data["runId"]]
    return event | {"data": data | {"labels": names}}


def as_bytes(event: dict[str, Any]) -> bytes:
    """Return an event as compact JSON."""
    return json.dumps(event, separators=(",", ":")).encode()


def banks() -> list[Bank]:
    """Return all banks, in the order of the table."""
    return [*_friendly(), *_adverse(), *_ours()]


def _friendly() -> Iterator[Bank]:
    totals = {
        "exact": (198, 570, 2_285),
        "prefix": (998, 2_862, 11_477),
        "suffix": (27, 206, 1_500),
        "anybut": (605, 1_711, 6_865),
        "numeric": (104, 307, 1_236),
        "mix": (445, 1_845, 5_177),
    }
    for name, expected in totals.items():
        yield Bank(name, _sized(_FRIENDLY[name]), dict(zip(SIZES, expected, strict=True)))


def _sized(rule: Callable[[int], Rule]) -> dict[int, list[Rule]]:
    return {size: [rule(number) for number in range(size)] for size in SIZES}


def _type(number: int) -> list[str]:
    return [MACHINE_LEARNING + TYPES[number % 5]]


def _experiment(number: int) -> list[str]:
    return [f"exp-{number * 7 % 20_000}"]


def _exact(k: int) -> Rule:
    return {"eventType": _type(k), "data": {"experimentName": _experiment(k)}}


def _anybut(k: int) -> Rule:
    return {"data": {"experimentName": _experiment(k), "runStatus": [{"anything-but": ["Running", "Queued"]}]}}


def _suffix(k: int) -> Rule:
    return {"subject": [{"suffix": f"/run-{k * 13 % 200_000}"}]}


def _numeric(k: int) -> Rule:
    accuracy = [{"numeric": [">", (k % 10) / 10]}]
    return {"eventType": _type(k), "data": {"experimentName": _experiment(k), "metrics": {"accuracy": accuracy}}}


def _mix(k: int) -> Rule:
    match k % 5:
        case 0:
            return {"eventType": _type(k // 5), "data": {"experimentName": _experiment(k)}}
        case 1:
            return {
                "eventType": _type(k // 5),
                "subject": [{"prefix": f"experiments/exp-{k * 11 % 20_000}/"}],
            }
        case 2:
            return _suffix(k)
        case 3:
            return {"data": {"modelName": [f"model-{k % 5000}"], "runTags": {"stage": ["prod"]}}}
        case _:
            return _anybut(k)


_FRIENDLY: Final[dict[str, Callable[[int], Rule]]] = {
    "exact": _exact,
    "prefix": lambda k: {"subject": [{"prefix": f"experiments/exp-{k * 7 % 20_000}/"}]},
    "suffix": _suffix,
    "anybut": _anybut,
    "numeric": _numeric,
    "mix": _mix,
}


def _adverse() -> Iterator[Bank]:
    """Yield `ml-router-2`: one generator for each seed, drawn from in a fixed order, the smaller size first."""
    totals = {
        "hot1": (2_027, 20_000),
        "hot5": (9_975, 100_000),
        "hot250": (500_000, 5_000_000),
        "freenum": (99_907, 1_020_408),
        "typenum": (20_124, 203_289),
        "coarse": (2_875, 28_651),
        "varprefix": (1_390_496, 14_609_242),
    }
    random = Random(11)  # noqa: S311 (the seed is part of the definition)
    for name, expected in totals.items():
        rules = {size: [_ADVERSE[name](k, random) for k in range(size)] for size in SIZES[1:]}
        # No size of 100 is laid down for these; it is the beginning of the next.
        yield Bank(name, {100: rules[1_000][:100]} | rules, dict(zip(SIZES[1:], expected, strict=True)))
    random = Random(5)  # noqa: S311 (the seed is part of the definition)
    rules = {size: [_two_ranges(k, random) for k in range(size)] for size in SIZES}
    yield Bank("tworange", rules, {1_000: 18_611, 10_000: 172_722})


def _high_accuracy(random: Random) -> Rule:
    return {"accuracy": [{"numeric": [">", round(0.99 + 0.01 * random.random(), 6)]}]}


def _coarse(k: int, random: Random) -> Rule:
    data = {
        "runStatus": [{"anything-but": ["Running", "Queued", "Completed"]}],
        "runTags": {"stage": ["prod"]},
        "metrics": _high_accuracy(random),
    }
    return {"eventType": _type(k), "data": data}


def _two_ranges(k: int, random: Random) -> Rule:
    accuracy = [{"numeric": [">", round(0.9 + 0.1 * random.random(), 6)]}]
    loss = [{"numeric": [">", round(2.5 + 0.5 * random.random(), 6)]}]
    return {"eventType": _type(k), "data": {"metrics": {"accuracy": accuracy, "loss": loss}}}


def _random_subject(random: Random) -> str:
    return f"experiments/exp-{random.randrange(2000)}/runs/run-{random.randrange(100_000)}"


def _any_prefix(random: Random) -> Rule:
    subject = _random_subject(random)
    return {"subject": [{"prefix": subject[: random.randrange(16, len(subject) + 1)]}]}


_ADVERSE: Final[dict[str, Callable[[int, Random], Rule]]] = {
    "hot1": lambda k, _: {"eventType": _type(k), "data": {"experimentName": [f"exp-{k // 5 % 2000}"]}},
    "hot5": lambda k, _: {"data": {"experimentName": [f"exp-{k % 2000}"]}},
    "hot250": lambda k, _: {"data": {"runTags": {"team": [f"team-{k % 40}"]}}},
    "freenum": lambda _, random: {"data": {"metrics": _high_accuracy(random)}},
    "typenum": lambda k, random: {"eventType": _type(k), "data": {"metrics": _high_accuracy(random)}},
    "coarse": _coarse,
    "varprefix": lambda _, random: _any_prefix(random),
}


def _ours() -> Iterator[Bank]:
    """Yield contains, letters and arrays; most match just what a bank of `ml-router-1` does."""
    exact, prefix = (dict(zip(SIZES, counts, strict=True)) for counts in ((198, 570, 2_285), (998, 2_862, 11_477)))
    yield Bank("contains", _sized(lambda k: {"subject": [{"wildcard": f"*/exp-{k * 7 % 20_000}/*"}]}), prefix)
    random = Random(13)  # noqa: S311 (the seed is part of the definition)
    parts = {size: [_any_part(random) for _ in range(size)] for size in SIZES}
    yield Bank("varcontains", parts, dict(zip(SIZES, (96_357, 892_018, 8_769_839), strict=True)))
    yield Bank("ignorecase", _sized(_in_capitals), exact)
    yield Bank("ignorecaseprefix", _sized(_begins_in_capitals), prefix)
    yield Bank("arrays", _sized(lambda k: {"eventType": _type(k), "data": {"labels": _experiment(k)}}), exact, True)  # noqa: FBT003

    yield from _excluding()


def _excluding() -> Iterator[Bank]:
    """Yield banks in which every subscription excludes something else, or has three intervals of its own."""
    random = Random(17)  # noqa: S311 (the seed is part of the definition)
    for name, rule in (("negations", _not_in), ("notcontains", _not_containing), ("intervals", _intervals)):
        yield Bank(name, {size: [rule(number, random) for number in range(size)] for size in SIZES})
    # 2,000 subscriptions of 10,000 want each event: the answer itself is the cost.
    yield Bank(
        "allbut",
        _sized(lambda k: {"eventType": _type(k), "data": {"experimentName": [{"anything-but": _experiment(k)}]}}),
        why_alone="2,000 matches an event",
    )


def _not_in(k: int, random: Random) -> Rule:
    return {"data": {"experimentName": [{"anything-but": _experiment(k)}], "metrics": _high_accuracy(random)}}


def _not_containing(k: int, random: Random) -> Rule:
    unwanted = {"anything-but": {"wildcard": f"*/exp-{k * 7 % 20_000}/*"}}
    return {"subject": [unwanted], "data": {"metrics": _high_accuracy(random)}}


def _intervals(k: int, random: Random) -> Rule:
    starts = [round(random.random(), 6) for _ in range(3)]
    accuracy = [{"numeric": [">=", start, "<=", round(start + 0.0005, 6)]} for start in starts]
    return {"eventType": _type(k), "data": {"metrics": {"accuracy": accuracy}}}


def _any_part(random: Random) -> Rule:
    subject = _random_subject(random)
    start = random.randrange(len(subject) - 16)
    return {"subject": [{"wildcard": f"*{subject[start : random.randrange(start + 12, len(subject) + 1)]}*"}]}


def _in_capitals(k: int) -> Rule:
    return {"eventType": _type(k), "data": {"experimentName": [{"equals-ignore-case": f"EXP-{k * 7 % 20_000}"}]}}


def _begins_in_capitals(k: int) -> Rule:
    return {"subject": [{"prefix": {"equals-ignore-case": f"EXPERIMENTS/EXP-{k * 7 % 20_000}/"}}]}


def conditions(rule: Rule, before: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yield the path and the alternatives of each condition of a rule."""
    for name, value in rule.items():
        if isinstance(value, dict):
            yield from conditions(value, (*before, name))
        else:
            yield (*before, name), value


def filter_of(rule: Rule, *, on_arrays: bool = False) -> Filter:
    """Return a rule as an Event Grid filter."""
    basic: dict[str, Any] = {}
    advanced = []
    for path, alternatives in conditions(rule):
        key = ".".join(path)
        match key, alternatives:
            case "eventType", names:
                basic["included_event_types"] = tuple(names)
            case "subject", [{"prefix": {"equals-ignore-case": text}} | {"prefix": str(text)}]:
                basic["subject_begins_with"] = text
            case "subject", [{"suffix": text}]:
                basic["subject_ends_with"] = text
            case _:
                advanced.append(_advanced(key, alternatives))
    return Filter(**basic, advanced_filters=tuple(advanced), enable_advanced_filtering_on_arrays=on_arrays)


def _advanced(key: str, alternatives: list[Any]) -> AdvancedFilter:  # noqa: PLR0911 (one for each kind of condition)
    """Return a condition as an advanced filter."""
    match alternatives:
        case [{"wildcard": text}]:
            return AdvancedFilter(operator="StringContains", key=key, values=(text[1:-1],))
        case [{"anything-but": {"wildcard": text}}]:
            return AdvancedFilter(operator="StringNotContains", key=key, values=(text[1:-1],))
        case [{"anything-but": texts}]:
            return AdvancedFilter(operator="StringNotIn", key=key, values=tuple(texts))
        case [{"numeric": [">", number]}]:
            return AdvancedFilter(operator="NumberGreaterThan", key=key, value=number)
        case [{"numeric": [">=", *_]}, *_]:
            ranges = tuple((one["numeric"][1], one["numeric"][3]) for one in alternatives)
            return AdvancedFilter(operator="NumberInRange", key=key, values=ranges)
        case [{"equals-ignore-case": text}]:
            return AdvancedFilter(operator="StringIn", key=key, values=(text,))
        case _:
            return AdvancedFilter(operator="StringIn", key=key, values=tuple(alternatives))


def naive_ids(rules: list[Rule], events: list[dict[str, Any]]) -> list[list[int]]:
    """Return the numbers of the rules that match each event, by asking every rule of every event."""
    asked = [list(conditions(rule)) for rule in rules]
    return [
        [number for number, those in enumerate(asked) if all(_holds(_value(event, p), wanted) for p, wanted in those)]
        for event in events
    ]


def _value(event: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = event
    for name in path:
        value = value[name]
    return value


def _holds(value: Any, alternatives: list[Any]) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(_fits(one, wanted) for one in values for wanted in alternatives)


def _fits(value: Any, wanted: Any) -> bool:  # noqa: C901, PLR0911 (one for each kind of condition)
    match wanted:
        case str():
            return value == wanted
        case {"prefix": {"equals-ignore-case": text}}:
            return value.lower().startswith(text.lower())
        case {"prefix": text}:
            return value.startswith(text)
        case {"suffix": text}:
            return value.endswith(text)
        case {"wildcard": text}:
            return text[1:-1] in value
        case {"equals-ignore-case": text}:
            return value.lower() == text.lower()
        case {"anything-but": {"wildcard": text}}:
            return text[1:-1] not in value
        case {"numeric": [">=", low, "<=", high]}:
            return low <= value <= high
        case {"anything-but": texts}:
            return value not in texts
        case {"numeric": [">", number]}:
            return value > number
        case _:
            raise ValueError(f"{wanted} is no condition of these banks")
