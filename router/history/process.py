"""The history as a child of the server: a process of its own, so that it never takes ingress's interpreter."""

import asyncio
import sys
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from typing import Final

import structlog

from router.history.options import HistoryOptions

log = structlog.get_logger(__name__)

FIRST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 30.0
STOP_SECONDS: Final = 3.0


class HistoryProcess:
    """Starts the process, and starts it again when it ends; it ends with the server, however the server ends."""

    def __init__(self, options: HistoryOptions) -> None:
        self._options = options
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it in the background."""
        self._keeping = asyncio.create_task(self._keep(), name="history")

    async def stop(self) -> None:
        """End it, by force when it takes longer than `STOP_SECONDS`."""
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping

    async def _keep(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            began = asyncio.get_running_loop().time()
            code = await self._run()
            log.warning("history.ended", code=code)
            if asyncio.get_running_loop().time() - began > LONGEST_PAUSE_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _run(self) -> int:
        # Options go through standard input, whose end tells the child that the server is gone.
        child = await asyncio.create_subprocess_exec(sys.executable, "-P", "-m", "router.history", stdin=PIPE)
        try:
            if child.stdin is not None:
                with suppress(ConnectionError):
                    child.stdin.write(self._options.model_dump_json().encode() + b"\n")
                    await child.stdin.drain()
            return await child.wait()
        finally:
            await asyncio.shield(_end(child))


async def _end(child: Process) -> None:
    if child.returncode is not None:
        return
    if child.stdin is not None:
        child.stdin.close()
    try:
        await asyncio.wait_for(child.wait(), STOP_SECONDS)
    except TimeoutError:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
