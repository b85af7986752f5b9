"""Waiting with a limit that costs nothing when there is nothing to wait for, as with most bodies: they are there."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

Result = TypeVar("Result")


class Within:
    """What a coroutine returns, awaited for so many seconds.

    Awaiting it raises TimeoutError when they have passed. A timer is only set once the coroutine has something to wait
    for: `asyncio.timeout` cost a request more than reading its body did.
    """

    def __init__(self, seconds: float, coroutine: Coroutine[Any, Any, Result]) -> None:
        self._seconds = seconds
        self._coroutine = coroutine

    def __await__(self) -> Generator[Any, Any, Any]:
        """Take the first step; the rest, if there is one, under a timer."""
        try:
            waited_for = self._coroutine.send(None)
        except StopIteration as done:
            return done.value
        return (yield from self._finish(waited_for).__await__())

    async def _finish(self, waited_for: object) -> object:
        async with asyncio.timeout(self._seconds):
            return await _Begun(self._coroutine, waited_for)


class _Begun:
    """The rest of a coroutine that waits for a future already."""

    def __init__(self, coroutine: Coroutine[Any, Any, Any], waited_for: object) -> None:
        self._coroutine = coroutine
        self._waited_for = waited_for

    def __await__(self) -> Generator[Any, Any, Any]:
        try:
            yield self._waited_for
        except BaseException:  # cancelled: so is the coroutine, which must clear up behind itself
            self._coroutine.close()
            raise
        return (yield from self._coroutine.__await__())
