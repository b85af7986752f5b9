"""The follower: keeps a process's view of the subscriptions up to date."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from router.kafka.compacted import CompactedReader
from router.subscriptions.view import SubscriptionsView
from topics import SUBSCRIPTIONS

_EXPIRY_SECONDS = 1.0


class SubscriptionsFollower:
    """Reads router.subscriptions from its start, then live; `view` is complete once `start` returns."""

    def __init__(self, bootstrap_servers: str, now: Callable[[], datetime]) -> None:
        self.view = SubscriptionsView()
        self._reader = CompactedReader(bootstrap_servers, SUBSCRIPTIONS, self.view.apply)
        self._now = now
        self._expiry: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read all there is, then go on in the background."""
        await self._reader.start()
        self._expiry = asyncio.create_task(self._expire(), name="expire subscriptions")

    async def stop(self) -> None:
        """Stop reading."""
        if self._expiry is not None:
            self._expiry.cancel()
            with suppress(asyncio.CancelledError):
                await self._expiry
        await self._reader.stop()

    async def wait_for(self, offset: int) -> None:
        """Return once the record at `offset` is in the view.

        Raises:
            TimeoutError: it was not in time.
        """
        await self._reader.wait_for(offset)

    async def check(self) -> str | None:
        """Say what is wrong, for the readiness of the process."""
        return None if self._reader.is_running else "the subscriptions are not read yet"

    @property
    def is_running(self) -> bool:
        """Whether the view is complete and kept up to date."""
        return self._reader.is_running

    async def _expire(self) -> None:
        while True:
            self.view.expire(self._now())
            await asyncio.sleep(_EXPIRY_SECONDS)
