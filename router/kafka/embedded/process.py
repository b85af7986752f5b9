"""A child process that cannot outlive this one: guarded, in a group of its own, its output in a file."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from router.kafka.embedded.guard import guarded

POLL_SECONDS: Final = 0.05


class LogTail:
    """What is appended to a log from now on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._begin = path.stat().st_size if path.exists() else 0

    def read(self) -> str:
        """Return all of it so far."""
        with self._path.open("rb") as log:
            log.seek(self._begin)
            return log.read().decode(errors="replace")


class ChildProcess:
    """Runs from its making on; the operating system is asked for its state, nothing is remembered."""

    def __init__(self, command: Sequence[str], log_path: Path, environment: Mapping[str, str] | None = None) -> None:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("ab") as log:
            # A group of its own: Ctrl-C in a terminal is for the parent alone, which ends its children in order.
            # Not a session of its own: Linux gives each the same share of a processor, whatever its threads want, and
            # what has little to do in one then waits for 30 ms behind the compiler of Java in another; `nice` has no
            # effect between two.
            self._process = subprocess.Popen(  # noqa: S603 (the command is the caller's)
                guarded(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                process_group=0,
            )

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it lives."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Return how it ended (negative: the number of the signal that ended it), or None while it lives."""
        return self._process.poll()

    async def wait(self, *, timeout_seconds: float | None = None) -> bool:
        """Return True once it has ended, False when it still lives after `timeout_seconds`."""
        end = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while self.is_running:
            if end is not None and time.monotonic() >= end:
                return False
            # Asked again and again: signals and child watchers would tie this to one event loop.
            await asyncio.sleep(POLL_SECONDS)
        return True

    async def stop(self, *, timeout_seconds: float) -> bool:
        """Ask it to end, and end it by force after `timeout_seconds`; return whether asking was enough."""
        self._signal(signal.SIGTERM)
        try:
            return await self.wait(timeout_seconds=timeout_seconds)
        finally:
            self.kill()

    def kill(self) -> None:
        """End it by force, at once."""
        self._signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
        self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if not self.is_running:
            return
        with suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._process.send_signal(number)
            else:
                os.killpg(self._process.pid, number)
