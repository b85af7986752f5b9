"""The table of the fan-out benchmark, and what it says in short."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from benchmarks.fanout_contestants import GUARANTEES, Contestant
from benchmarks.fanout_run import Figures

CPU_AIMS: Final = {1: 8.0, 10: 24.0}
BARE_AIM: Final = 0.9
FAUST_AIM: Final = 15.0
STREAMS_AIMS: Final = {1: 1.0, 10: 2.0}

HEADING: Final = (
    "| sinks | guarantee | | events/s (min … max) | CPU µs an event | router ÷ this | by CPU | lost | doubled |\n"
    "|---|---|---|---|---|---|---|---|---|"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """What is measured: who, with which guarantee, to how many sinks."""

    contestant: Contestant
    guarantee: str
    sinks: int


@dataclass(frozen=True, slots=True)
class Row:
    """An entry and the figures of its rounds."""

    entry: Entry
    runs: Sequence[Figures]

    @property
    def rate(self) -> float:
        """Median of events a second."""
        return statistics.median(run.events_per_second for run in self.runs)

    @property
    def cpu(self) -> float:
        """Median of the CPU microseconds an event."""
        return statistics.median(run.cpu_us for run in self.runs)

    @property
    def lost(self) -> int:
        """Events that did not arrive, in all rounds."""
        return sum(run.lost for run in self.runs)

    @property
    def doubled(self) -> int:
        """Events that arrived again, in all rounds."""
        return sum(run.doubled for run in self.runs)


def rows_of(got: Mapping[Entry, Sequence[Figures]]) -> list[Row]:
    """Return the rows, in the order in which their entries were planned; none of an entry whose runs all failed."""
    return [Row(entry, runs) for entry, runs in got.items() if runs]


def figures_of(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return the rows for `--json`."""
    return [
        {
            "sinks": row.entry.sinks,
            "guarantee": row.entry.guarantee,
            "contestant": row.entry.contestant.name,
            "events_per_second": row.rate,
            "cpu_us": row.cpu,
            "router_ratio": ratio(router_of(rows, row), row),
            "lost": row.lost,
            "doubled": row.doubled,
            "runs": [asdict(run) for run in row.runs],
        }
        for row in rows
    ]


def router_of(rows: Iterable[Row], other: Row) -> Row | None:
    """Return the router's row beside another one: the one of a single worker where there is one."""
    return find(rows, "router", other.entry.sinks, other.entry.guarantee)


def find(rows: Iterable[Row], name: str, sinks: int, guarantee: str) -> Row | None:
    """Return a contestant's row, or None."""
    return next((row for row in rows if place_of(row) == (name, sinks, guarantee)), None)


def place_of(row: Row) -> tuple[str, int, str]:
    """Return a row's contestant, number of sinks and guarantee."""
    return row.entry.contestant.name, row.entry.sinks, row.entry.guarantee


def ratio(ours: Row | None, theirs: Row | None) -> float | None:
    """Return how many times the events a second ours has; None when one is missing."""
    return None if ours is None or theirs is None else ours.rate / theirs.rate


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    return "\n".join([HEADING, *(_line(row, router_of(rows, row)) for row in rows)])


def _line(row: Row, router: Row | None) -> str:
    rates = [run.events_per_second for run in row.runs]
    cells = [
        str(row.entry.sinks),
        row.entry.guarantee.replace("_", " "),
        row.entry.contestant.title,
        f"{row.rate:,.0f} ({min(rates):,.0f} … {max(rates):,.0f})",
        f"{row.cpu:.1f}",
        "" if router is None or router is row else f"{router.rate / row.rate:.2f}",
        "" if router is None or router is row else f"{row.cpu / router.cpu:.2f}",
        f"{row.lost:,}",
        f"{row.doubled:,}",
    ]
    return f"| {' | '.join(cells)} |"


def verdicts(rows: Sequence[Row]) -> list[str]:
    """Return what the table says of the aims; nothing of a row that was not measured."""
    said = []
    once, least = GUARANTEES
    for sinks in dict.fromkeys(row.entry.sinks for row in rows):
        router = find(rows, "router", sinks, once)
        best = max(
            (row for row in rows if row.entry.contestant.instances and place_of(row)[1:] == (sinks, once)),
            key=lambda row: row.rate,
            default=None,
        )
        found = [
            _said("times the bare loop", ratio(router, find(rows, "bare", sinks, once)), BARE_AIM),
            _said("times idiomatic Faust", ratio(router, find(rows, "faust", sinks, least)), FAUST_AIM),
            _said("times Kafka Streams", ratio(best, find(rows, "streams", sinks, once)), STREAMS_AIMS.get(sinks)),
            _said("µs CPU an event", router and router.cpu, CPU_AIMS.get(sinks), least=False),
        ]
        said += [f"{sinks} sink{'s'[: sinks > 1]}, effectively once: {one}" for one in found if one]
    return said


def _said(what: str, value: float | None, aim: float | None, *, least: bool = True) -> str | None:
    if value is None:
        return None
    if aim is None:
        return f"{value:.2f} {what}"
    reached = value >= aim if least else value <= aim
    return f"{value:.2f} {what} (aim {'≥' if least else '≤'} {aim:g}: {'reached' if reached else 'not reached'})"
