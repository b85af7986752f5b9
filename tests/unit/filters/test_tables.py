"""Tables find what is filed and nothing else, however much was added and dropped, and copies go their own ways."""
# ruff: noqa: S311 (a seed makes a failure come again)

from dataclasses import dataclass, field
from random import Random

import pytest

from router.filters.affixes import Beginnings, Endings
from router.filters.automata import Automaton
from router.filters.boxes import Boxes
from router.filters.needles import Needles, SharedNeedles
from router.filters.requirements import Bound
from router.filters.tables import Exact, run

TABLES = {
    Exact: lambda text, operand: text == operand,
    Beginnings: str.startswith,
    Endings: str.endswith,
    Needles: str.__contains__,
    SharedNeedles: str.__contains__,
}


@dataclass
class Filed:
    hits: list = field(default_factory=list)


def filed(operand):
    return Filed([((), [operand], None)])


def found(table, text):
    targets = []
    run(table.find(text), [], targets)
    return sorted(targets, key=str)


def a_text(random, longest):
    return "".join(random.choice("AB-é") for _ in range(random.randint(1, longest)))


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("shortest", [1, 8])
@pytest.mark.parametrize("seed", range(3))
def test_a_table_finds_what_is_filed(kind, shortest, seed):
    random = Random(seed)
    table, operands, former = kind(object()), set(), []
    for _ in range(600):
        operand = a_text(random, 12).ljust(shortest, "A")
        if operand in operands and random.random() < 0.7:
            table.drop(operand)
            operands.discard(operand)
        else:
            table.put(operand, filed(operand))
            operands.add(operand)
        if random.random() < 0.05:
            former.append((table, set(operands)))
            table = table.copy(object())
    for one, then in [*former[-5:], (table, operands)]:
        for _ in range(60):
            text = random.choice(["", random.choice(sorted(then))]) + a_text(random, 12)
            text += random.choice(["", random.choice(sorted(then))])
            assert found(one, text) == sorted(operand for operand in then if TABLES[kind](text, operand))


@pytest.mark.parametrize(
    "text", ["x" * 10_000 + "AB" + "x" * 3_000, "AB" * 5_000, "\ud800 AB", "\ud800" * 3_000 + "AB"]
)
def test_needles_are_found_in_long_and_odd_texts(text):
    needles = ["AB", "x" * 400, "A" * 511 + "B", "ABA", "nowhere", "xA", "Bx"]
    numbers = Automaton(needles).search_any(text)
    assert {needles[number] for number in numbers} == {needle for needle in needles if needle in text}


def test_needles_that_end_with_one_another_do_not_flood_a_long_text():
    needles = ["A" * length for length in range(1, 513)] + ["B"]
    assert sorted(Automaton(needles).search_any("A" * 200_000 + "B")) == list(range(513))


@pytest.mark.parametrize("odd", ["-ABC" + "-" * 3_000, "-ABC-\ud800"])
@pytest.mark.parametrize("is_odd_first", [True, False])
def test_long_and_odd_texts_do_not_change_what_short_ones_find(odd, is_odd_first):
    table = Needles(object())
    for operand in ["ABC", "BC", *(f"<{number}>" for number in range(100))]:
        table.put(operand, filed(operand))
    for text in [odd, "ABC", odd] if is_odd_first else ["ABC", odd, "ABC"]:
        assert found(table, text) == ["ABC", "BC"]


def test_a_subscription_that_several_of_many_needles_find_is_found_once():
    table = SharedNeedles(object())
    for number in range(200):
        table.put(f"<{number}>", Filed([((), [number, "any"], None)]))
    assert found(table, "<7><8><7>-<11>") == [11, 7, 8, "any"]
    assert found(table, "<7><8><7>-<11>") == [11, 7, 8, "any"]
    assert found(table, "<7> twice: <7>") == [7, "any"]
    assert found(table, "none") == []


@dataclass(eq=False)
class Entry:
    target: int


@pytest.mark.parametrize("seed", range(4))
def test_boxes_find_those_that_keep_every_bound(seed):
    random = Random(seed)
    bounds = tuple(Bound(slot, *random.choices((True, False), k=2), on_arrays=True) for slot in (0, 0, 1)[seed % 2 :])
    boxes, rows = Boxes(bounds, object()), {}
    former = []
    for number in range(700):
        if rows and random.random() < 0.3:
            entry = random.choice(list(rows))
            boxes.remove(entry, rows.pop(entry))
        else:
            entry = Entry(number)
            rows[entry] = tuple(random.choice((random.randint(0, 9), random.random() * 9)) for _ in bounds)
            boxes.add(entry, rows[entry])
        if random.random() < 0.1:
            former.append((boxes, dict(rows)))
            boxes.collect([3, 4.5])
            boxes = boxes.copy(object())
    for one, then in [*former[-5:], (boxes, rows)]:
        for values in ([3, 4.5], [5.5, 5], [0, 9], ["3", 3], [None, 1], [[1, 8, "x"], 4], [True, 4]):
            targets = one.collect(values)
            assert sorted(targets) == sorted(
                entry.target for entry, thresholds in then.items() if all(map(keeps, [values] * 3, bounds, thresholds))
            )


def keeps(values, bound, threshold):
    value = values[bound.slot]
    numbers = [n for n in (value if isinstance(value, list) else [value]) if type(n) in (int, float)]
    if bound.is_upper:
        return any(n <= threshold if bound.is_closed else n < threshold for n in numbers)
    return any(n >= threshold if bound.is_closed else n > threshold for n in numbers)
