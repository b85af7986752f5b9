"""Awake: no processor of this machine goes to sleep while something is measured.

A processor of a virtual machine that has nothing to do is given back to its host, and comes late when it is wanted
again: an idle machine of ours was late by more than 3 ms 15 times in 15 s, a busy one hardly ever. A process for each
processor that works only when nothing else wants to (SCHED_IDLE) keeps them; whatever is measured goes before it.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import repeat

from benchmarks.processes import python, running

LOOK_UP_AFTER = 1_000_000
"""Rounds of nothing between two looks whether whoever started this is still there: some 20 ms."""


@contextmanager
def awake() -> Iterator[None]:
    """Keep all processors awake as long as the block; does nothing where the system has no SCHED_IDLE."""
    with ExitStack() as cleanup:
        if hasattr(os, "SCHED_IDLE"):
            for processor in sorted(os.sched_getaffinity(0)):
                cleanup.enter_context(running(python("benchmarks.awake", str(processor))))
        yield


def stay_awake(processor: int) -> None:
    """Do nothing, in earnest, on a processor, as long as whoever started this is there."""
    parent = os.getppid()
    os.sched_setaffinity(0, {processor})
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    while os.getppid() == parent:
        for _ in repeat(None, LOOK_UP_AFTER):
            pass


if __name__ == "__main__":
    stay_awake(int(sys.argv[1]))
