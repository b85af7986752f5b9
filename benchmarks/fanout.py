"""Fan-out: the real worker against its references, same broker, same source, same filters, in one run.

Rounds are interleaved. The source is loaded once; each run begins at offsets that are committed for it beforehand,
writes to sinks of its own, and is measured between committed source offsets, so that start-up and warm-up are apart.
What the sinks got is read and counted after each run. CPU is that of the contestant's processes with all their threads.
"""

import argparse
import asyncio
import itertools
import os
import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.documents import around, write_between
from benchmarks.fanout_contestants import GUARANTEES, REFERENCES, Contestant, Run, router
from benchmarks.fanout_plot import plot
from benchmarks.fanout_run import FailedRunError, Figures, Task, run_one
from benchmarks.fanout_table import Entry, Row, figures_of, rows_of, table, verdicts
from benchmarks.fanout_topics import Sinks, Source, load
from benchmarks.processes import on_kafka, parser_of
from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer
from topics import ALL_TOPICS

SHARE_OF_SEVERAL_SINKS = 0.4
"""They have more to write, and need fewer events for a figure."""


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = parser_of("fanout")
    names = [contestant.name for contestant in REFERENCES]
    parser.add_argument("--reference", nargs="*", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--sinks", nargs="+", type=int, default=[1, 10], metavar="N", help="rows for so many sinks")
    parser.add_argument("--guarantee", nargs="+", choices=GUARANTEES, default=list(GUARANTEES), metavar="NAME")
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2], metavar="N", help="worker processes")
    parser.add_argument(
        "--events", type=int, default=150_000, metavar="N", help="events to measure a run to one sink with"
    )
    parser.add_argument("--plot", type=Path, metavar="FILE", help="also write a plot, as SVG")
    parser.add_argument("--docs", type=Path, metavar="PAGE", help="also write the table into this page of the docs")
    given = parser.parse_args(arguments)
    if given.docs is not None:
        around(given.docs, "fanout")  # better known now than after ten minutes
    return given


def contestants(given: argparse.Namespace) -> list[Contestant]:
    """Return who takes part; says who does not, and why."""
    found = [router(count) for count in given.workers]
    for contestant in REFERENCES:
        if contestant.name in given.reference:
            if reason := contestant.why_not():
                print(f"Without {contestant.title}: {reason}.", flush=True)
            else:
                found.append(contestant)
    return found


def turns(entries: Sequence[Entry], rounds: int) -> Iterator[Entry]:
    """Give every entry once a round; those with as many sinks take turns, beginning with another one each round."""
    for _, alike in itertools.groupby(entries, key=lambda entry: entry.sinks):
        row = list(alike)
        for number in range(rounds):
            first = number * len(row) // rounds
            yield from row[first:] + row[:first]


def measured_events(entry: Entry, events: int) -> int:
    """Return how many events a run is measured with."""
    return entry.contestant.events(events if entry.sinks == 1 else round(events * SHARE_OF_SEVERAL_SINKS), entry.sinks)


@dataclass(frozen=True, slots=True)
class Bench:
    """A Kafka with its source loaded, on which contestants run one after the other."""

    bootstrap: str
    data_dir: str
    source: Source
    producer: KafkaProducer

    async def run(self, entry: Entry, events: int) -> Figures:
        """Let a contestant run, with sinks of its own."""
        contestant, name = entry.contestant, f"b{time.time_ns():x}"
        sinks = Sinks(self.bootstrap, name, entry.sinks)
        described = Run(self.bootstrap, self.data_dir, entry.guarantee, contestant.group or name, sinks.topics)
        return await run_one(contestant, described, Task.of(contestant, self.source, events), sinks, self.producer)


async def compare(bootstrap: str, data_dir: str, given: argparse.Namespace) -> list[Row]:
    """Return a row for each number of sinks, guarantee and contestant."""
    competing = contestants(given)
    entries = [
        Entry(contestant, guarantee, sinks)
        for sinks in given.sinks
        for guarantee in given.guarantee
        for contestant in competing
        if guarantee in contestant.guarantees
    ]
    await ensure_topics(bootstrap, ALL_TOPICS)
    source = await asyncio.to_thread(load, bootstrap, needed_events(entries, given.events))
    producer = KafkaProducer(bootstrap, timeout_seconds=60)
    await producer.start()
    bench = Bench(bootstrap, data_dir, source, producer)
    got: dict[Entry, list[Figures]] = {entry: [] for entry in entries}
    try:
        for entry in turns(entries, given.rounds):
            try:
                figures = await bench.run(entry, measured_events(entry, given.events))
            except FailedRunError as failure:
                print(f"{shown(entry)}  {failure}", flush=True)
            else:
                got[entry].append(figures)
                print(f"{shown(entry)}  {shown_figures(figures)}", flush=True)
    finally:
        await producer.stop()
    return rows_of(got)


def needed_events(entries: Sequence[Entry], events: int) -> int:
    """Return how many events the source must hold."""
    return max(one.contestant.routed(measured_events(one, events)) for one in entries)


def shown(entry: Entry) -> str:
    """Return what is measured, for a line of progress."""
    return f"{entry.sinks:>2} sinks  {entry.guarantee:<16}  {entry.contestant.name:<9}"


def shown_figures(figures: Figures) -> str:
    """Return what one run showed, for a line of progress."""
    rate, cpu = f"{figures.events_per_second:>9,.0f}/s", f"{figures.cpu_us:6.1f} µs"
    return f"{rate}  {cpu}  lost {figures.lost}  doubled {figures.doubled}"


def documented(arguments: Sequence[str], given: argparse.Namespace, rows: Sequence[Row]) -> str:
    """Return what a page of the docs says of the run."""
    image = ""
    if given.plot is not None:
        place = os.path.relpath(given.plot, given.docs.parent)
        image = f"![Events a second of each contestant, and their CPU time an event]({place})\n\n"
    command = shlex.join(["python", "-m", "benchmarks", "fanout", *arguments])
    said = "".join(f"- {one}\n" for one in verdicts(rows))
    return f"{image}`{command}` on {datetime.now(UTC):%Y-%m-%d}:\n\n{table(rows)}\n\n{said}"


def run(arguments: Sequence[str]) -> dict[str, Any]:
    """Run the benchmark on an embedded Kafka of its own, or on the given one; print its table."""
    given = options(arguments)
    rows = on_kafka(given.bootstrap_servers, lambda bootstrap, data_dir: compare(bootstrap, data_dir, given))
    print(f"\n{table(rows)}\n")
    print("\n".join(verdicts(rows)))
    if given.plot is not None:
        given.plot.parent.mkdir(parents=True, exist_ok=True)
        given.plot.write_text(plot(rows))
    if given.docs is not None:
        write_between(given.docs, "fanout", documented(arguments, given, rows))
    return {"events": given.events, "rounds": given.rounds, "rows": figures_of(rows), "verdicts": verdicts(rows)}
