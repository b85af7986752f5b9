"""Committing behind the writes: offsets of many rounds at once, so that no round waits for it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from aiokafka import TopicPartition

from router.fanout.producing import STALLED_SECONDS

COMMIT_SECONDS = 0.05
"""Between two commits: what a crash may repeat."""

CommitOffsets = Callable[[Mapping[TopicPartition, int]], Awaitable[None]]


class CommitsBehind:
    """Commits offsets of what was written, one commit after the other."""

    def __init__(self, commit: CommitOffsets) -> None:
        self._commit = commit
        self._uncommitted: dict[TopicPartition, int] = {}
        self._committing: asyncio.Task[None] | None = None
        # Two at once could arrive in the other order, and an offset go back.
        self._one_at_a_time = asyncio.Lock()

    def follow(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit offsets soon; raises what an earlier commit failed with."""
        self._uncommitted |= offsets
        if self._committing is not None and self._committing.done():
            committing, self._committing = self._committing, None
            committing.result()
        if self._committing is None:
            self._committing = asyncio.create_task(self._commit_on(), name="commit offsets")

    async def catch_up(self) -> None:
        """Return once all is committed."""
        async with self._one_at_a_time:
            offsets = self._uncommitted.copy()
            if not offsets:
                return
            async with asyncio.timeout(STALLED_SECONDS):
                await self._commit(offsets)
            for partition, offset in offsets.items():
                if self._uncommitted[partition] == offset:
                    del self._uncommitted[partition]

    async def stop(self) -> None:
        """Commit no more by itself, until it has to follow again."""
        committing, self._committing = self._committing, None
        if committing is not None:
            committing.cancel()
            await asyncio.gather(committing, return_exceptions=True)

    async def _commit_on(self) -> None:
        """Commit at once what was written after a pause, and what follows in turns."""
        while self._uncommitted:
            await self.catch_up()
            await asyncio.sleep(COMMIT_SECONDS)
