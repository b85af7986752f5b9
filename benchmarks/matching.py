"""Matching: the filter engine against AWS event-ruler, fed the same bytes, one thread each, passes taken in turns.

Rates are events a second by the clock. `ratio` is of the medians; what is `by CPU` is the same by CPU time, which other
work on the machine disturbs less. Totals of matches are compared with `matching_banks`, ids with a naive evaluator.
"""

import argparse
import gc
import json
import os
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from benchmarks.matching_banks import SIZES, Bank, as_bytes, banks, events, filter_of, naive_ids, with_labels
from benchmarks.matching_table import HEADING, line, markdown, verdict
from benchmarks.ruler_process import EventRuler, why_not
from router.events.envelope import Envelope, read_envelope
from router.filters.clauses import clauses_of
from router.filters.envelopes import Event
from router.filters.index import Index, Snapshot
from router.filters.matching import REFUSALS
from router.process_memory import collect_rarely
from topics.events import EVENT_GRID_JSON
from topics.subscriptions import AdvancedFilter, Filter

BATCH: Final = 500
PASS_SECONDS: Final = 20.0
"""A pass ends here, and its rate counts what it has done."""

WARM_UP: Final = 2
JAVA_WARM_UP: Final = 15
JAVA_WARM_UP_SECONDS: Final = 10.0
"""Java's compiler needs about a dozen passes to settle; its figures before that would flatter ours."""

SWAPS: Final = 50
NEW_KEYS: Final = 5
HEADERS: Final = [("content-type", EVENT_GRID_JSON)]
Pass = tuple[int, int, float, float]


@dataclass(frozen=True)
class Stream:
    """The events, as the fan-out has them: bytes and envelopes in batches; and as a file for Java."""

    parsed: list[dict[str, Any]]
    bodies: list[list[bytes]]
    envelopes: list[list[Envelope]]
    file: Path

    @classmethod
    def of(cls, parsed: list[dict[str, Any]], file: Path) -> "Stream":
        """Make all forms of some events."""
        lines = [as_bytes(event) for event in parsed]
        file.write_bytes(b"\n".join(lines))
        bodies = [lines[at : at + BATCH] for at in range(0, len(lines), BATCH)]
        return cls(parsed, bodies, [[read_envelope(body, HEADERS) for body in batch] for batch in bodies], file)


@dataclass(frozen=True)
class Options:
    """How long to measure."""

    passes: int
    sample: int
    load_seconds: float
    with_ruler: bool


def match_all(snapshot: Snapshot[int], stream: Stream) -> Pass:
    """Match all events, envelopes given: what the fan-out asks of the engine."""
    done = matches = 0
    start, cpu = time.perf_counter(), time.thread_time()
    for envelopes, bodies in zip(stream.envelopes, stream.bodies, strict=True):
        matches += sum(map(len, snapshot.match(envelopes, bodies)))
        done += len(bodies)
        if time.perf_counter() - start > PASS_SECONDS:
            break
    return done, matches, time.perf_counter() - start, time.thread_time() - cpu


def match_all_with_envelopes(snapshot: Snapshot[int], stream: Stream) -> Pass:
    """Match all events, their envelopes read too: together with all that is asked, as the fan-out does."""
    done = matches = 0
    start, cpu = time.perf_counter(), time.thread_time()
    for bodies in stream.bodies:
        decode, match = snapshot.at_once("EventGridSchema")
        for body in bodies:
            found = _matched_at_once(body, decode, match)
            matches += len(snapshot.match_one(read_envelope(body, HEADERS), body) if found is None else found)
        done += len(bodies)
        if time.perf_counter() - start > PASS_SECONDS:
            break
    return done, matches, time.perf_counter() - start, time.thread_time() - cpu


def _matched_at_once(
    body: bytes, decode: Callable[[bytes], Event] | None, match: Callable[..., Sequence[int] | None] | None
) -> Sequence[int] | None:
    try:
        return None if decode is None or match is None else match(decode(body), body)
    except REFUSALS:
        return None


def rates(passes: list[Pass], seconds: int = 2) -> dict[str, float]:
    """Return median, lowest and highest rate of some passes; by CPU time when `seconds` is 3."""
    found = [one[0] / one[seconds] for one in passes]
    return {"median": statistics.median(found), "min": min(found), "max": max(found)}


def filled(filters: list[Filter]) -> tuple[Index[int], float]:
    """Return an index of some filters, and how many were added a second, clauses and the first snapshot included."""
    index: Index[int] = Index()
    start = time.perf_counter()
    for number, wanted in enumerate(filters):
        index.add(number, clauses_of(wanted), number)
    index.snapshot()
    return index, len(filters) / (time.perf_counter() - start)


def removal_rate(filters: list[Filter]) -> float:
    """Return how many of half the subscriptions were removed a second, the new snapshot included."""
    index, _ = filled(filters)
    half = range(0, len(filters), 2)
    start = time.perf_counter()
    for number in half:
        index.remove(number)
    index.snapshot()
    return len(half) / (time.perf_counter() - start)


def swap_pauses(filters: list[Filter], stream: Stream) -> dict[str, float]:
    """Return median and worst milliseconds that a change keeps the next event waiting, and the worst of CPU time.

    Added and then removed, one by one, are subscriptions of the bank that the index does not have yet, and some that
    look at keys which none has named before. Garbage is collected as rarely as in a worker: else a collection of 700
    new objects goes through a table of 10,000 that one of them is.
    """
    kept, fresh = filters[:-SWAPS], [*filters[-SWAPS:], *map(_of_new_key, range(NEW_KEYS))]
    index, _ = filled(kept)
    envelopes, bodies = stream.envelopes[0][:1], stream.bodies[0][:1]
    index.snapshot().match(envelopes, bodies)
    thresholds = gc.get_threshold()
    collect_rarely()
    pauses, cpu_pauses = [], []
    for change in (lambda number, wanted: index.add(number, clauses_of(wanted), number), lambda n, _: index.remove(n)):
        for number, wanted in enumerate(fresh, len(kept)):
            start, cpu = time.perf_counter(), time.thread_time()
            change(number, wanted)
            index.snapshot().match(envelopes, bodies)
            pauses.append((time.perf_counter() - start) * 1e3)
            cpu_pauses.append((time.thread_time() - cpu) * 1e3)
    gc.set_threshold(*thresholds)
    return {"median": statistics.median(pauses), "max": max(pauses), "cpu_max": max(cpu_pauses)}


def _of_new_key(number: int) -> Filter:
    one = AdvancedFilter(operator="NumberGreaterThan", key=f"data.metrics.new{number}", value=number)
    return Filter(advanced_filters=(one,))


def bytes_per_subscription(filters: list[Filter], stream: Stream) -> float:
    """Return the memory that an index and its snapshot hold, the filters themselves apart."""
    gc.collect()
    tracemalloc.start()
    try:
        index, _ = filled(filters)
        index.snapshot().match(stream.envelopes[0], stream.bodies[0])
        gc.collect()
        return tracemalloc.get_traced_memory()[0] / len(filters)
    finally:
        tracemalloc.stop()


def ids_found(snapshot: Snapshot[int], stream: Stream, count: int) -> list[list[int]]:
    """Return the subscriptions found for each of the first events."""
    return [
        sorted(found)
        for envelopes, bodies in zip(stream.envelopes, stream.bodies, strict=True)
        for found in snapshot.match(envelopes, bodies)
    ][:count]


class Disagreement(RuntimeError):  # noqa: N818 (says what it is)
    """Two engines, or an engine and the definition, found different subscriptions."""


def agree(who: str, found: object, wanted: object) -> None:
    """Raise `Disagreement` unless both are the same."""
    if found != wanted:
        raise Disagreement(f"{who} found {str(found)[:300]} where {str(wanted)[:300]} was expected")


@dataclass(frozen=True, eq=False)
class Case:
    """A bank at one size, and the events it meets."""

    bank: Bank
    size: int
    stream: Stream

    def check(self, who: str, passes: list[Pass], ids: list[list[int]]) -> None:
        """Compare totals with the definition and ids with the naive evaluator."""
        who = f"{who}, {self.bank.name} {self.size}"
        for events_seen, matches, *_ in passes:
            if self.size in self.bank.totals and events_seen == len(self.stream.parsed):
                agree(f"{who}, all events:", matches, self.bank.totals[self.size])
        for number, (found, wanted) in enumerate(zip(ids, self.naive(len(ids)), strict=True)):
            agree(f"{who}, event {number}:", found, wanted)

    @cache  # noqa: B019 (a case lives as long as its bank is measured)
    def naive(self, count: int) -> list[list[int]]:
        """Return what a naive evaluator finds for the first events."""
        return naive_ids(self.bank.rules[self.size], self.stream.parsed[:count])


def measure(case: Case, ruler: EventRuler | None, options: Options) -> list[dict[str, Any]]:
    """Measure one bank at one size; return a row for each engine."""
    stream = case.stream
    filters = [filter_of(rule, on_arrays=case.bank.on_arrays) for rule in case.bank.rules[case.size]]
    gc.collect()
    gc.freeze()  # what the benchmark holds is no work for the collector
    adds = statistics.median(filled(filters)[1] for _ in range(3))
    index, _ = filled(filters)
    snapshot = index.snapshot()
    case.check("router", [match_all(snapshot, stream)], ids_found(snapshot, stream, options.sample))
    turns = take_turns(snapshot, stream, ruler, options)
    row = row_of(case, "router", turns["router"], adds) | {
        "with_envelopes_per_second": rates(turns["envelopes"]),
        "removes_per_second": removal_rate(filters),
        "swap_ms": swap_pauses(filters, stream),
        "bytes_per_subscription": bytes_per_subscription(filters, stream),
    }
    if ruler is None:
        return [row]
    case.check("event-ruler", turns["event-ruler"], ruler.ids(options.sample))
    theirs = row_of(case, "event-ruler", turns["event-ruler"], case.size / ruler.load_seconds)
    theirs["load_seconds"] = ruler.load_seconds
    for ratio, rate in (("ratio_to_event_ruler", "events_per_second"), ("cpu_ratio", "events_per_cpu_second")):
        row[ratio] = row[rate]["median"] / theirs[rate]["median"]
    return [row, theirs]


def take_turns(
    snapshot: Snapshot[int], stream: Stream, ruler: EventRuler | None, options: Options
) -> dict[str, list[Pass]]:
    """Return the passes of both engines, one after the other, without those that warm up."""
    turns: dict[str, list[Pass]] = {"router": [], "envelopes": [], "event-ruler": []}
    if ruler:
        start = time.perf_counter()
        for _ in range(JAVA_WARM_UP):
            if time.perf_counter() - start < JAVA_WARM_UP_SECONDS:
                ruler.run(PASS_SECONDS)
    gc.collect()
    gc.freeze()
    for _ in range(WARM_UP + options.passes):
        turns["router"].append(match_all(snapshot, stream))
        turns["envelopes"].append(match_all_with_envelopes(snapshot, stream))
        if ruler:
            turns["event-ruler"].append(ruler.run(PASS_SECONDS))
    return {who: passes[WARM_UP:] for who, passes in turns.items()}


def row_of(case: Case, engine: str, passes: list[Pass], adds: float) -> dict[str, Any]:
    """Return the figures that both engines have."""
    return {
        "bank": case.bank.name,
        "subscriptions": case.size,
        "engine": engine,
        "matches_per_event": passes[0][1] / passes[0][0],
        "events_per_second": rates(passes),
        "events_per_cpu_second": rates(passes, 3),
        "adds_per_second": adds,
        "ratio_to_event_ruler": None,
        "cpu_ratio": None,
    }


def compare(
    chosen: list[Bank], sizes: list[int], options: Options, folder: Path
) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Measure the chosen banks at the chosen sizes, smaller ones first; print a line of the table for each.

    Yields the rows of each, and of event-ruler where it was not measured, why.
    """
    plain = events()
    streams = {}
    for arrays in {bank.on_arrays for bank in chosen}:
        parsed = list(map(with_labels, plain)) if arrays else plain
        streams[arrays] = Stream.of(parsed, folder / f"events-{arrays}.jsonl")
    print(HEADING)
    for bank in chosen:
        reason: str | None = None
        for size in sizes:
            case = Case(bank, size, streams[bank.on_arrays])
            reason = reason or bank.why_alone
            if options.with_ruler and reason is None:
                got, reason = beside_ruler(case, options, folder)
            else:  # what cannot be loaded does not get better with more of it
                got = measure(case, None, options)
            print(line(got, reason), flush=True)
            missing = {"bank": bank.name, "subscriptions": size, "engine": "event-ruler", "reason": reason}
            yield got, [missing] if reason else []


def beside_ruler(case: Case, options: Options, folder: Path) -> tuple[list[dict[str, Any]], str | None]:
    """Measure both engines in turns; or ours alone, and why, when event-ruler cannot load the bank in time."""
    file = folder / "rules.jsonl"
    file.write_text("\n".join(map(json.dumps, case.bank.rules[case.size])))
    with EventRuler(case.stream.file, file, options.load_seconds) as ruler:
        if ruler.rules == case.size:
            return measure(case, ruler, options), None
        reason = f"loads {ruler.rules:,} of {case.size:,} in {ruler.load_seconds:.0f} s"
    return measure(case, None, options), reason


def options_of(arguments: list[str], known: list[Bank]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks matching", description=__doc__)
    parser.add_argument("--banks", type=_list, default=[bank.name for bank in known], help="names, with commas between")
    parser.add_argument("--sizes", type=_list, default=[*map(str, SIZES)], help="of 100, 1000, 10000")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--sample", type=int, default=50, help="events whose ids are compared one by one")
    parser.add_argument("--load-seconds", type=float, default=15, help="what event-ruler may take to load a bank")
    parser.add_argument("--without-event-ruler", action="store_true")
    parser.add_argument(
        "--table", type=Path, metavar="FILE", help="also write the tables, as Markdown, anew after each bank and size"
    )
    parser.add_argument(
        "--quick", action="store_true", help="three passes, 5 s to load, mix, tworange and contains only"
    )
    given = parser.parse_args(arguments)
    if given.quick:
        given.passes, given.load_seconds, given.sample = 3, 5, 20
        given.banks = ["exact", "mix", "tworange", "contains"] if len(given.banks) == len(known) else given.banks
    unknown = set(given.banks) - {bank.name for bank in known} | set(given.sizes) - {*map(str, SIZES)}
    if unknown:
        parser.error(f"{', '.join(sorted(unknown))}: not known")
    return given


def run(arguments: list[str]) -> dict[str, Any]:
    """Run the benchmark as the arguments say, print its table, and return its figures.

    When it is told to end (Ctrl-C or SIGTERM), what was measured until then is returned.
    """
    known = banks()
    given = options_of(arguments, known)
    missing = "not asked for" if given.without_event_ruler else why_not()
    if missing:
        print(f"Without event-ruler: {missing}.")
    options = Options(given.passes, given.sample, given.load_seconds, missing is None)
    load = os.getloadavg()
    rows: list[dict[str, Any]] = []
    unmeasured: list[dict[str, Any]] = []
    ended_early = False
    with tempfile.TemporaryDirectory() as folder:
        chosen = [bank for bank in known if bank.name in given.banks]
        try:
            for got, reasons in compare(chosen, sorted(map(int, given.sizes)), options, Path(folder)):
                rows += got
                unmeasured += reasons
                if given.table is not None:
                    given.table.write_text(markdown(rows, unmeasured))
        except (KeyboardInterrupt, SystemExit):
            ended_early = True
            print("Ended early: this is what was measured until then.")
    print(*verdict(rows), sep="\n")
    print(f"load of the machine: {load[0]:.1f} before, {os.getloadavg()[0]:.1f} after; {os.cpu_count()} cores")
    figures = {"banks": rows, "unmeasured": unmeasured, "ended_early": ended_early}
    return figures | {"load": {"before": load[0], "after": os.getloadavg()[0]}}


def _list(text: str) -> list[str]:
    return [word for word in text.split(",") if word]
