"""How many partitions each sink's topic has; topics that are missing are made."""

import asyncio
from collections.abc import Iterable, Mapping

import structlog

from router.kafka.admin import ensure_topics, partition_counts
from topics import DELIVERIES, SUBSCRIBER_EVENTS, UNREADABLE, WORKSPACE_EVENTS
from topics.topic import Topic

log = structlog.get_logger(__name__)


class SinkPartitions:
    """Partition counts by topic, asked from Kafka once a topic and kept."""

    def __init__(self, bootstrap_servers: str, replication_factor: int) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._replication_factor = replication_factor
        self._counts: dict[str, int] = {}
        # Lanes meet a new topic at the same moment; one of them asks for all.
        self._asking = asyncio.Lock()

    @property
    def counts(self) -> Mapping[str, int]:
        """What is known."""
        return self._counts

    async def ensure(self, topics: Iterable[str]) -> None:
        """Return once the partition counts of these topics are known; those that do not exist are made.

        Raises:
            KafkaUnavailableError: no broker answers.
        """
        wanted = {*topics, WORKSPACE_EVENTS.name, DELIVERIES.name, UNREADABLE.name}
        if wanted <= self._counts.keys():
            return
        async with self._asking:
            if wanted <= self._counts.keys():
                return
            self._counts.update(await partition_counts(self._bootstrap_servers))
            missing = wanted - self._counts.keys()
            if missing:
                made = await ensure_topics(
                    self._bootstrap_servers,
                    [self._sink_topic(name) for name in missing],
                    replication_factor=self._replication_factor,
                )
                log.warning("fanout.topics_made", topics=made)
                self._counts.update(await partition_counts(self._bootstrap_servers))

    def forget(self) -> None:
        """Ask again: a topic may have been deleted, or given more partitions."""
        self._counts = {}

    def _sink_topic(self, name: str) -> Topic:
        return Topic(
            name=name,
            key=SUBSCRIBER_EVENTS.key,
            value=SUBSCRIBER_EVENTS.value,
            partitions=self._counts[WORKSPACE_EVENTS.name],
            cleanup=SUBSCRIBER_EVENTS.cleanup,
            retention=SUBSCRIBER_EVENTS.retention,
            written_by=SUBSCRIBER_EVENTS.written_by,
            read_by=SUBSCRIBER_EVENTS.read_by,
        )
