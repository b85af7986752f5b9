"""Memory and descriptors of the processes below this one, by what they are, sampled until told to stop."""

import asyncio
import os
import re
import statistics
import time
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

EVERY_SECONDS = 5.0
WARM_UP_SECONDS = 60.0
LEAST_SAMPLES = 12
PAGE = os.sysconf("SC_PAGE_SIZE")


class Sample(NamedTuple):
    """One look at one process."""

    at: float
    rss_mb: float
    descriptors: int
    cpu_seconds: float


def processes() -> dict[str, int]:
    """Return the process ids of the router's parts below this process, by name."""
    found, waiting = {}, [os.getpid()]
    while waiting:
        for pid in children(waiting.pop()):
            waiting.append(pid)
            if name := name_of(pid):
                found[name] = pid
    return found


def children(pid: int) -> list[int]:
    """Return the children of a process."""
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            continue
    return found


def name_of(pid: int) -> str | None:
    """Return what a process is, or None."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return None
    if "guard.py" in line:
        return None
    if "kafka.Kafka" in line:
        return "kafka" if "server.properties" in line else None
    if "router.history" in line:
        return "history"
    if worker := re.search(r"router worker .*--metrics-port (\d+)", line):
        return f"worker:{worker[1]}"
    return "server" if "router server" in line else None


def look(pid: int) -> Sample | None:
    """Return a sample of a process, None when it is gone."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return Sample(time.monotonic(), pages * PAGE / 2**20, len(list(Path(f"/proc/{pid}/fd").iterdir())), cpu)
    except OSError:
        return None


class Sampler:
    """Looks at every process again and again; each life of a process is kept apart."""

    def __init__(self):
        self.lives: dict[tuple[str, int], list[Sample]] = defaultdict(list)

    async def run(self, every_seconds: float = EVERY_SECONDS) -> None:
        """Sample until cancelled."""
        while True:
            for name, pid in processes().items():
                if (sample := look(pid)) is not None:
                    self.lives[name, pid].append(sample)
            await asyncio.sleep(every_seconds)

    def report(self) -> list[dict]:
        """Return a row for each process that lived long enough; the shorter lives of a name are counted."""
        rows = []
        for name in sorted({name for name, _ in self.lives}):
            lives = [samples for (owner, _), samples in self.lives.items() if owner == name]
            longest = max(lives, key=len)
            rows.append({"process": name, "lives": len(lives), **trend(longest)})
        return rows


def trend(samples: list[Sample]) -> dict:
    """Return how a process's memory and descriptors went, its first minute apart."""
    settled = [one for one in samples if one.at - samples[0].at >= WARM_UP_SECONDS]
    seconds = samples[-1].at - samples[0].at
    row = {
        "seconds": round(seconds),
        "rss_mb_most": round(max(one.rss_mb for one in samples), 1),
        "descriptors_most": max(one.descriptors for one in samples),
        "cpu_share": round((samples[-1].cpu_seconds - samples[0].cpu_seconds) / seconds, 3) if seconds else None,
    }
    if len(settled) < LEAST_SAMPLES:
        return row | {"flat": None}
    third = len(settled) // 3
    return row | {
        "rss_mb_first_third": round(statistics.median(one.rss_mb for one in settled[:third]), 1),
        "rss_mb_last_third": round(statistics.median(one.rss_mb for one in settled[-third:]), 1),
        "rss_mb_per_hour": round(slope([(one.at, one.rss_mb) for one in settled]) * 3600, 1),
        "rss_mb_per_hour_last_half": round(
            slope([(one.at, one.rss_mb) for one in settled[len(settled) // 2 :]]) * 3600, 1
        ),
        "descriptors_first_third": statistics.median(one.descriptors for one in settled[:third]),
        "descriptors_last_third": statistics.median(one.descriptors for one in settled[-third:]),
        "flat": is_flat(settled, third),
    }


def is_flat(settled: list[Sample], third: int) -> bool:
    """Say whether the last third holds at most a tenth (and 8 MB, 8 descriptors) more than the middle one."""
    middle, last = settled[third : 2 * third], settled[-third:]
    for field, room in (("rss_mb", 8.0), ("descriptors", 8)):
        before = statistics.median(getattr(one, field) for one in middle)
        after = statistics.median(getattr(one, field) for one in last)
        if after > before * 1.1 and after > before + room:
            return False
    return True


def slope(points: list[tuple[float, float]]) -> float:
    """Return the least-squares slope."""
    return statistics.linear_regression([x for x, _ in points], [y for _, y in points]).slope
