"""Phases of the isolation benchmark: what the others noticed in each, and how phases compare. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from hdrh.histogram import HdrHistogram

from benchmarks.steal import Moments

WELL: Final = "ok"
LONGEST_US: Final = 60_000_000


def _histogram() -> HdrHistogram:
    return HdrHistogram(1, LONGEST_US, 3)


@dataclass(frozen=True, slots=True)
class Latencies:
    """Latencies in microseconds: of all deliveries, and of those during which no processor stood still."""

    all: HdrHistogram = field(default_factory=_histogram)
    undisturbed: HdrHistogram = field(default_factory=_histogram)

    def record(self, arrivals: Iterable[tuple[float, float]], stolen: Moments) -> None:
        """Add deliveries by when they arrived, and how many seconds that took."""
        for arrived, seconds in arrivals:
            microseconds = max(1, int(seconds * 1e6))
            self.all.record_value(microseconds)
            if not stolen.touch(arrived - seconds, arrived):
                self.undisturbed.record_value(microseconds)

    def add(self, other: "Latencies") -> None:
        """Add those of another phase."""
        self.all.add(other.all)
        self.undisturbed.add(other.undisturbed)

    def milliseconds(self, percentile: float, *, undisturbed: bool = False) -> float:
        """Return a percentile."""
        histogram = self.undisturbed if undisturbed else self.all
        return histogram.get_value_at_percentile(percentile) / 1000


@dataclass(slots=True)
class Phase:
    """What the nineteen noticed while the one was well, or was not."""

    mode: str
    latencies: Latencies
    lost: int
    owed_to_bad: int
    worker_cpu: float
    stolen: float
    """The share of the time in which a processor stood still."""


def pooled(phases: Iterable[Phase], mode: str) -> Latencies:
    """Return all latencies of a mode together."""
    total = Latencies()
    for phase in phases:
        if phase.mode == mode:
            total.add(phase.latencies)
    return total


def compared(before: Phase, bad: Phase, after: Phase) -> dict[str, Any]:
    """Return a phase beside the two well ones around it, taken together."""
    well = pooled((before, after), WELL)
    found = {
        "mode": bad.mode,
        "worker_cpu": bad.worker_cpu,
        "well_worker_cpu": (before.worker_cpu + after.worker_cpu) / 2,
        "stolen": bad.stolen,
        "well_stolen": (before.stolen + after.stolen) / 2,
    }
    for suffix, undisturbed in (("", False), ("_undisturbed", True)):
        histogram = bad.latencies.undisturbed if undisturbed else bad.latencies.all
        found[f"samples{suffix}"] = histogram.get_total_count()
        for name, latencies in (("", bad.latencies), ("well_", well)):
            found[f"{name}p50_ms{suffix}"] = latencies.milliseconds(50, undisturbed=undisturbed)
            found[f"{name}p99_ms{suffix}"] = latencies.milliseconds(99, undisturbed=undisturbed)
        found[f"change{suffix}"] = found[f"p99_ms{suffix}"] / found[f"well_p99_ms{suffix}"] - 1
    return found


def changes_of_well(well: Sequence[Phase]) -> list[dict[str, Any]]:
    """Return each well phase beside the two around it."""
    return [compared(*well[at - 1 : at + 2]) for at in range(1, len(well) - 1)]


def line_of(it: dict[str, Any]) -> str:
    """Return a comparison as a line for a terminal."""
    return (
        f"{it['mode']:<10}  p50 {it['p50_ms']:5.2f} ms, well {it['well_p50_ms']:5.2f}   "
        f"p99 {it['p99_ms']:6.2f} ms, well {it['well_p99_ms']:6.2f} {it['change']:+7.1%}   "
        f"undisturbed p99 {it['p99_ms_undisturbed']:6.2f} ms, well {it['well_p99_ms_undisturbed']:6.2f} "
        f"{it['change_undisturbed']:+7.1%}   worker {it['worker_cpu']:.1%} of a core, well {it['well_worker_cpu']:.1%}"
        f"   stolen {it['stolen']:.1%}, well {it['well_stolen']:.1%}   "
        f"{it['samples']} samples, {it['samples_undisturbed']} undisturbed"
    )
