"""Steal: moments in which a processor of this machine stood still, whatever was to run on it.

The processors of a virtual machine are its host's, which lends them to others too. A process for each processor, before
which nothing else runs (SCHED_FIFO), sleeps a millisecond at a time and writes down when it slept much longer: then
the processor was taken away. What was under way in such a moment says nothing about the program that is measured.
"""

import os
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from benchmarks.processes import python, running

TICK_SECONDS: Final = 0.001
LEAST_SECONDS: Final = 0.005
"""Shorter moments are many, and are over before anybody has waited long."""

_PRIORITY: Final = 50

Moment = tuple[float, float]
"""Begin and end, by the monotonic clock, which is the same for all processes of a machine."""


class Moments:
    """Moments that do not overlap, in their order."""

    def __init__(self, moments: Iterable[Moment]) -> None:
        self._begins: list[float] = []
        self._ends: list[float] = []
        for begin, end in sorted(moments):
            if self._ends and begin <= self._ends[-1]:
                self._ends[-1] = max(self._ends[-1], end)
            else:
                self._begins.append(begin)
                self._ends.append(end)

    def touch(self, begin: float, end: float) -> bool:
        """Say whether a moment lies within a span of time, if only in part."""
        before = bisect_right(self._begins, end)
        return before > 0 and self._ends[before - 1] >= begin

    def within(self, begin: float, end: float) -> float:
        """Return for how many seconds of a span of time a processor stood still."""
        spans = zip(self._begins, self._ends, strict=True)
        return sum(max(0.0, min(stopped, end) - max(started, begin)) for started, stopped in spans)


class Watch:
    """What was seen so far."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._files = list(files)

    def moments(self) -> Moments:
        """Return all moments until now."""
        lines = [line.split() for file in self._files for line in file.read_text().splitlines()]
        return Moments((float(begin), float(end)) for begin, end in lines)


@contextmanager
def watched() -> Iterator[Watch]:
    """Watch all processors as long as the block; where nobody may go before others, nothing is seen."""
    with ExitStack() as cleanup:
        directory = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="steal-")))
        files = []
        if _may_go_first():
            for processor in sorted(os.sched_getaffinity(0)):
                file = directory / f"{processor}"
                file.touch()
                cleanup.enter_context(running(python("benchmarks.steal", str(processor)), log=file))
                files.append(file)
        yield Watch(files)


def _may_go_first() -> bool:
    if not hasattr(os, "sched_setscheduler"):
        return False
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
        os.sched_setscheduler(0, policy, parameters)
    except PermissionError:
        return False
    return True


def watch(processor: int) -> None:
    """Print begin and end of each moment in which a processor stood still, as long as whoever started this is there."""
    parent = os.getppid()
    os.sched_setaffinity(0, {processor})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(_PRIORITY))
    before = time.monotonic()
    while os.getppid() == parent:
        time.sleep(TICK_SECONDS)
        now = time.monotonic()
        if now - before > LEAST_SECONDS + TICK_SECONDS:
            print(f"{before + TICK_SECONDS:.6f} {now:.6f}", flush=True)
        before = now


if __name__ == "__main__":
    watch(int(sys.argv[1]))
