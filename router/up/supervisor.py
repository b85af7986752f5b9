"""The parts of a stack by name: each with its keeper, their logs kept small."""

import asyncio
from contextlib import suppress
from typing import Final, NamedTuple

from router.kafka.embedded.jars import Report
from router.up.keeper import Keeper
from router.up.log_files import cut
from router.up.part import Part

CUT_SECONDS: Final = 30.0


class Trouble(NamedTuple):
    """A part that ended again and again, and the last lines of its log."""

    name: str
    lines: list[str]


class Supervisor:
    """Keeps parts alive until they are stopped; `report` gets a line for each restart."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._keepers: dict[str, Keeper] = {}
        self._cutter: asyncio.Task[None] | None = None
        self.troubles: asyncio.Queue[Trouble] = asyncio.Queue()

    async def start(self, name: str, part: Part, *, needs: str | None = None) -> None:
        """Start a part, and from then on bring it back whenever it ends, after the one that it needs.

        Raises:
            RouterError: its first start fails.
        """
        if self._cutter is None:
            self._cutter = asyncio.create_task(self._cut_logs(), name="cut logs")
        cut([part.log_path])
        keeper = self._keepers[name] = Keeper(
            name,
            part,
            needs=None if needs is None else self._keepers[needs],
            report=self._report,
            on_trouble=lambda lines: self.troubles.put_nowait(Trouble(name, lines)),
        )
        await keeper.start()

    async def stop(self, name: str, *, timeout_seconds: float) -> None:
        """Stop a part for good; one that was never started is nothing to stop."""
        if name in self._keepers:
            await self._keepers[name].stop(timeout_seconds=timeout_seconds)

    def kill(self) -> None:
        """End every part by force, at once."""
        for keeper in self._keepers.values():
            keeper.part.kill()

    async def close(self) -> None:
        """End whatever is left, by force."""
        for keeper in self._keepers.values():
            await keeper.let_go()
        self.kill()
        if self._cutter is not None:
            self._cutter.cancel()
            with suppress(asyncio.CancelledError):
                await self._cutter

    async def _cut_logs(self) -> None:
        while True:
            await asyncio.sleep(CUT_SECONDS)
            await asyncio.to_thread(cut, [keeper.part.log_path for keeper in self._keepers.values()])
