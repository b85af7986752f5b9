"""Freshness: what one server has answered, every other one knows before it answers (decision 0026)."""

import asyncio
from collections.abc import Mapping
from typing import Protocol

import structlog

from router.errors import KafkaUnavailableError
from router.kafka.ends import EndOffsets

log = structlog.get_logger(__name__)


class Follower(Protocol):
    """What is asked of whoever reads a topic."""

    async def wait_for(self, offset: int) -> None:
        """Return once the record at `offset` is known; raises TimeoutError."""
        ...


class Freshness:
    """Waits until the views have all that is in their topics at the moment."""

    def __init__(self, ends: EndOffsets, followers: Mapping[str, Follower]) -> None:
        self._ends = ends
        self._followers = followers

    async def catch_up(self) -> None:
        """Return once the views are up to date; without Kafka, which takes no writes then, they are as they are."""
        try:
            ends = await self._ends.of(self._followers)
            await asyncio.gather(*(self._followers[topic].wait_for(end - 1) for topic, end in ends.items()))
        except (KafkaUnavailableError, TimeoutError) as error:
            log.warning("api.may_be_stale", error=str(error))
