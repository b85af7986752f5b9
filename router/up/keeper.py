"""Keeps one part alive: waits for its end, pauses, waits for the part that it needs, starts it again."""

import asyncio
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from router.errors import RouterError
from router.kafka.embedded.jars import Report
from router.up.log_files import last_lines
from router.up.part import Part
from router.up.restarts import RestartPolicy

QUOTED_LINES: Final = 8


class Keeper:
    """One part, from its first start to its stop; `on_trouble` gets its last log lines when it ends again and again."""

    def __init__(
        self,
        name: str,
        part: Part,
        *,
        needs: "Keeper | None" = None,
        report: Report,
        on_trouble: Callable[[list[str]], None],
    ) -> None:
        self.name = name
        self.part = part
        self._needs = needs
        self._report = report
        self._on_trouble = on_trouble
        self._policy = RestartPolicy()
        self._started_at = time.monotonic()
        self._task: asyncio.Task[None] | None = None
        self.serving = asyncio.Event()

    async def start(self) -> None:
        """Start the part, and from then on bring it back whenever it ends.

        Raises:
            RouterError: this first start fails.
        """
        await self._start()
        self._task = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def stop(self, *, timeout_seconds: float) -> None:
        """Stop the part for good."""
        await self.let_go()
        if not await self.part.stop(timeout_seconds=timeout_seconds):
            self._report(f"{self.name} did not end within {timeout_seconds:.0f} s and was killed")

    async def let_go(self) -> None:
        """Bring the part back no more."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _start(self) -> None:
        self._started_at = time.monotonic()
        await self.part.start()
        self.serving.set()

    async def _keep(self) -> None:
        while True:
            await self.part.wait()
            self.serving.clear()
            how = how_it_ended(self.part.exit_code)
            while not await self._bring_back(how):
                how = "could not be started"

    async def _bring_back(self, how: str) -> bool:
        """Start the part again after the pause that is due; return whether that worked."""
        ended_at = time.monotonic()
        restart = self._policy.ended(ended_at, lived_seconds=ended_at - self._started_at)
        if restart.keeps_ending:
            self._tell_trouble()
        await asyncio.sleep(restart.pause_seconds)
        if self._needs is not None:
            await self._needs.serving.wait()
        try:
            await self._start()
        except (RouterError, OSError) as error:
            self._report(f"{self.name} {how}: {error}")
            return False
        self._report(f"{self.name} {how}; started again after {time.monotonic() - ended_at:.1f} s")
        return True

    def _tell_trouble(self) -> None:
        lines = last_lines(self.part.log_path, QUOTED_LINES)
        self._on_trouble(lines)
        self._report("\n  ".join([f"{self.name} keeps ending; the last lines of {self.part.log_path}:", *lines]))


def how_it_ended(exit_code: int | None) -> str:
    """Return an exit code in words."""
    if exit_code is None or exit_code >= 0:
        return f"ended with exit code {exit_code}"
    try:
        return f"was ended by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was ended by signal {-exit_code}"
