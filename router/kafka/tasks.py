"""The tasks of an agent: none ends unnoticed."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class Tasks:
    """Runs coroutines beside one another and remembers the first that crashed."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()
        self._crash: Exception | None = None
        self._crashed = asyncio.Event()

    def __len__(self) -> int:
        """The number of tasks that run."""
        return len(self._running)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a coroutine as a task."""
        task = asyncio.create_task(coroutine)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    async def wait_until_crashed(self) -> Exception:
        """Return the error of the first task that crashed."""
        await self._crashed.wait()
        return self._crash or RuntimeError("a task ended")

    async def cancel(self) -> None:
        """End all tasks and wait until they have ended."""
        while self._running:
            for task in self._running:
                task.cancel()
            await asyncio.wait(self._running)
            # Their callbacks, which take them out, run only after those who wait for them.
            await asyncio.sleep(0)

    @property
    def crash(self) -> Exception | None:
        """The error of the first task that crashed."""
        return self._crash

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        error = None if task.cancelled() else task.exception()
        if isinstance(error, Exception) and self._crash is None:
            self._crash = error
            self._crashed.set()
