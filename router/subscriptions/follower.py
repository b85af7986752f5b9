"""The follower: keeps a process's view of the subscriptions up to date."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

from router.kafka.compacted import CompactedFollower, CompactedReader
from router.subscriptions.view import SubscriptionsView
from topics import SUBSCRIPTIONS

_EXPIRY_SECONDS = 1.0


class SubscriptionsFollower(CompactedFollower):
    """Reads router.subscriptions from its start, then live; `view` is complete once `start` returns."""

    def __init__(self, bootstrap_servers: str, now: Callable[[], datetime]) -> None:
        self.view = SubscriptionsView()
        super().__init__(CompactedReader(bootstrap_servers, SUBSCRIPTIONS, self.view.apply), "subscriptions")
        self._now = now
        self._expiry: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read all there is, then go on in the background."""
        await super().start()
        self._expiry = asyncio.create_task(self._expire(), name="expire subscriptions")

    async def stop(self) -> None:
        """Stop reading."""
        if self._expiry is not None:
            self._expiry.cancel()
            with suppress(asyncio.CancelledError):
                await self._expiry
        await super().stop()

    async def _expire(self) -> None:
        while True:
            self.view.expire(self._now())
            await asyncio.sleep(_EXPIRY_SECONDS)
