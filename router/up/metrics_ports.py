"""Ports for the workers' metrics: the wanted ones where free, else others, never one of another `router up`."""

import getpass
import tempfile
from collections.abc import Iterator
from pathlib import Path

from router.kafka.embedded.ports import free_port, why_not_free
from router.up.file_lock import FileLock


class MetricsPorts:
    """Ports that are held until released, also while no worker listens on them yet."""

    def __init__(self, directory: Path | None = None) -> None:
        # Two stacks that start at once both see a port free: a lock file on the machine tells them apart.
        self._directory = directory or Path(tempfile.gettempdir()) / f"router-ports-{getpass.getuser()}"
        self._locks: list[FileLock] = []

    def take(self, first: int, count: int) -> list[int]:
        """Return `count` ports, from `first` on where they are free; 0 takes any."""
        wanted = range(first, min(first + count, 65536)) if first else range(0)
        taken: list[int] = []
        for candidate in _then_others(wanted):
            if len(taken) == count:
                break
            if candidate not in taken and why_not_free(candidate) is None and self._hold(candidate):
                taken.append(candidate)
        return taken

    def release(self) -> None:
        """Let others have the ports."""
        while self._locks:
            # A rare clash is caught by asking for the port itself; files of every port ever used would stay for good.
            self._locks.pop().release(remove=True)

    def _hold(self, port: int) -> bool:
        lock = FileLock(self._directory / f"{port}.lock")
        try:
            held = lock.acquire()
        except OSError:
            return True  # no place for lock files: better a rare clash than no start
        if held:
            self._locks.append(lock)
        return held


def _then_others(wanted: range) -> Iterator[int]:
    yield from wanted
    while True:
        yield free_port()
