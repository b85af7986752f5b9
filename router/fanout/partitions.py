"""How many partitions each sink's topic has, and when it matters what it takes; topics that are missing are made."""

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace

import structlog

from router.errors import KafkaUnavailableError
from router.kafka.admin import ensure_topics, largest_messages, partition_counts
from topics import DELIVERIES, MAX_MESSAGE_BYTES, SUBSCRIBER_EVENTS, UNREADABLE, WORKSPACE_EVENTS
from topics.topic import Topic

log = structlog.get_logger(__name__)

LOOK_AGAIN_SECONDS = 60.0
"""How long a topic that takes less than others is believed to."""


class SinkPartitions:
    """Partition counts by topic, asked from Kafka once a topic and kept."""

    def __init__(self, bootstrap_servers: str, replication_factor: int) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._replication_factor = replication_factor
        self._counts: dict[str, int] = {}
        # The very object: thousands of topics are not compared for every batch.
        self._sure_of: frozenset[str] | None = None
        self._limits: dict[str, int] = {}
        self._limits_matter = False
        self._looked_at = float("-inf")
        # Lanes meet a new topic at the same moment; one of them asks for all.
        self._asking = asyncio.Lock()

    @property
    def counts(self) -> Mapping[str, int]:
        """What is known."""
        return self._counts

    @property
    def limits(self) -> Mapping[str, int]:
        """The bytes that topics take which take less than events may have; known once a write was too large."""
        return self._limits

    async def ensure(self, topics: frozenset[str]) -> None:
        """Return once the partition counts of these topics are known; those that do not exist are made.

        Raises:
            KafkaUnavailableError: no broker answers.
            RefusedError: Kafka refuses to make one of them.
        """
        if self._limits and time.monotonic() - self._looked_at > LOOK_AGAIN_SECONDS:
            self.doubt_limits()
        if topics is self._sure_of:
            return
        async with self._asking:
            if topics is self._sure_of:
                return
            wanted = {*topics, WORKSPACE_EVENTS.name, DELIVERIES.name, UNREADABLE.name}
            if self._sure_of is not None and wanted <= self._counts.keys():
                self._sure_of = topics
                return
            found = await partition_counts(self._bootstrap_servers)
            self._counts.update(found)
            if missing := wanted - found.keys():
                await self._make(missing)
            if self._limits_matter:
                await self._ask_for_limits(wanted)
            self._sure_of = topics

    def doubt_limits(self) -> None:
        """Ask the next time also how much topics take: one of them was given more than that."""
        self._limits_matter = True
        self.doubt()

    def doubt(self) -> None:
        """Ask again the next time: a topic may have been deleted, or given more partitions.

        What is known stays until then, as another lane may be in the middle of a plan.
        """
        self._sure_of = None

    async def _make(self, missing: Iterable[str]) -> None:
        source = self._counts.get(WORKSPACE_EVENTS.name)
        if source is None:
            raise KafkaUnavailableError(f"Kafka does not know {WORKSPACE_EVENTS.name} yet")
        topics = [topic_to_make(name, source) for name in missing]
        made = await ensure_topics(self._bootstrap_servers, topics, replication_factor=self._replication_factor)
        log.warning("fanout.topics_made", topics=made)
        # A topic that was made just now may not be listed yet.
        self._counts.update({topic.name: topic.partitions for topic in topics})
        self._counts.update(await partition_counts(self._bootstrap_servers))

    async def _ask_for_limits(self, wanted: Iterable[str]) -> None:
        found = await largest_messages(self._bootstrap_servers, wanted)
        self._limits = {name: limit for name, limit in found.items() if limit < MAX_MESSAGE_BYTES}
        self._limits_matter, self._looked_at = False, time.monotonic()
        if self._limits:
            log.warning("fanout.topics_take_less", topics=self._limits, wanted=MAX_MESSAGE_BYTES)


def topic_to_make(name: str, partitions: int) -> Topic:
    """Return a topic that is missing: one of the router's own as it is declared, a sink's with so many partitions."""
    own = next((topic for topic in (DELIVERIES, UNREADABLE) if topic.name == name), None)
    return own or replace(SUBSCRIBER_EVENTS, name=name, partitions=partitions)
