"""Watching the board fill: a live table on a terminal, lines elsewhere."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.table import Table

from router.demo import picture
from router.demo.board import Attempted, Board, Observation
from router.demo.observer import Observer

REFRESH_SECONDS: Final = 0.2


class Watch:
    """Takes observations in, and shows them."""

    def __init__(self, board: Board, console: Console, seconds: Callable[[], float]) -> None:
        self._board = board
        self._console = console
        self._seconds = seconds
        self._live: Live | None = None

    def take(self, observation: Observation) -> None:
        """Put an observation on the board; without a live table, tell it in a line."""
        cell = self._board.apply(observation, self._seconds())
        if cell is None or self._live is not None or isinstance(observation, Attempted):
            return  # the receiver has told of the call that an attempt is about
        told = picture.line(observation, cell)
        self._console.print(f"  {self._seconds():5.1f} s  ", told, sep="", soft_wrap=True)

    async def until_complete(self, observer: Observer, limit_seconds: float) -> None:
        """Return when the board is complete, or the limit is reached."""
        shown = asyncio.get_running_loop().time()
        with self._showing() as live:
            while not self._board.is_complete and self._seconds() < limit_seconds:
                for observation in await observer.next():
                    self.take(observation)
                if live is not None and asyncio.get_running_loop().time() - shown >= REFRESH_SECONDS:
                    live.update(self._picture(), refresh=True)
                    shown = asyncio.get_running_loop().time()
            if live is not None:
                live.update(self._picture(), refresh=True)

    def _showing(self) -> AbstractContextManager[Live | None]:
        if not self._console.is_terminal:
            for told in picture.left_out(self._board):
                self._console.print("           ", told, sep="", soft_wrap=True)
            return nullcontext()
        self._live = Live(self._picture(), console=self._console, auto_refresh=False)
        return self._live

    def _picture(self) -> Table:
        columns, lines = picture.ROOM
        size = self._console.size
        return picture.table(self._board, datetime.now(UTC), compact=size.width < columns or size.height < lines)
