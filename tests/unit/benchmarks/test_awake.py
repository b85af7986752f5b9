"""Processors that are kept awake while something is measured."""

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from benchmarks.awake import awake

pytestmark = pytest.mark.skipif(not hasattr(os, "SCHED_IDLE"), reason="this system has no SCHED_IDLE")


def idlers():
    """The children that keep a processor awake, by their id, with the processors that each may use."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            child, parent = int(stat.parent.name), int(stat.read_text().rsplit(")", 1)[1].split()[1])
            if parent == os.getpid() and os.sched_getscheduler(child) == os.SCHED_IDLE:
                found[child] = os.sched_getaffinity(child)
    return found


def test_each_processor_has_one_that_stands_back_for_everybody_until_the_end():
    processors = os.sched_getaffinity(0)
    with awake():
        until = time.monotonic() + 30
        while len(found := idlers()) < len(processors) and time.monotonic() < until:
            time.sleep(0.05)
    assert sorted(map(tuple, found.values())) == [(one,) for one in sorted(processors)]
    assert not idlers()
