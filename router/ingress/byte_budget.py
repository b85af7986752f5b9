"""A budget of bytes: how much of what publishers send may be in memory at once, first come, first served."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress


class ByteBudget:
    """A weighted semaphore whose waiters are served in order, so that a large request is not starved by small ones."""

    def __init__(self, total: int) -> None:
        self._free = total
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def held(self, size: int, timeout_seconds: float) -> AsyncIterator[None]:
        """Hold `size` bytes of the budget.

        Raises:
            TimeoutError: they did not become free in time.
        """
        await self._take(size, timeout_seconds)
        try:
            yield
        finally:
            self._give_back(size)

    async def _take(self, size: int, timeout_seconds: float) -> None:
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
                self._give_back(size)  # granted at the very moment of giving up
            else:
                with suppress(ValueError):  # it may have been passed over already
                    self._waiting.remove(turn)
                self._serve()
            raise

    def _give_back(self, size: int) -> None:
        self._free += size
        self._serve()

    def _serve(self) -> None:
        while self._waiting and self._free >= self._waiting[0][0]:
            size, turn = self._waiting.popleft()
            if not turn.cancelled():
                self._free -= size
                turn.set_result(None)
