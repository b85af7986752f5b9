"""A budget of bytes: how much of what publishers send may be in memory at once, first come, first served."""

import asyncio
from collections import deque
from contextlib import suppress


class ByteBudget:
    """A weighted semaphore whose waiters are served in order, so that a large request is not starved by small ones."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int, timeout_seconds: float) -> None:
        """Take bytes out of the budget.

        Raises:
            TimeoutError: they did not become free in time.
        """
        if not self._waiting and self._free >= size:
            self._free -= size
            return
        turn = (size, asyncio.get_running_loop().create_future())
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(timeout_seconds):
                await turn[1]
        except BaseException:
            if turn[1].done() and not turn[1].cancelled():
                self.give_back(size)  # granted at the very moment of giving up
            else:
                with suppress(ValueError):  # it may have been passed over already
                    self._waiting.remove(turn)
                self._serve()
            raise

    def give_back(self, size: int) -> None:
        """Put bytes back, for those who wait."""
        self._free += size
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._free >= self._waiting[0][0]:
            size, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= size
                turn.set_result(None)
