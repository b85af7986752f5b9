"""How many partitions each sink's topic has; topics that are missing are made."""

import asyncio
from collections.abc import Mapping

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
        # The very object: thousands of topics are not compared for every batch.
        self._sure_of: frozenset[str] | None = None
        # Lanes meet a new topic at the same moment; one of them asks for all.
        self._asking = asyncio.Lock()

    @property
    def counts(self) -> Mapping[str, int]:
        """What is known."""
        return self._counts

    async def ensure(self, topics: frozenset[str]) -> None:
        """Return once the partition counts of these topics are known; those that do not exist are made.

        Raises:
            KafkaUnavailableError: no broker answers.
        """
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
            missing = wanted - found.keys()
            if missing:
                made = await ensure_topics(
                    self._bootstrap_servers,
                    [self._sink_topic(name) for name in missing],
                    replication_factor=self._replication_factor,
                )
                log.warning("fanout.topics_made", topics=made)
                # A topic that was made just now may not be listed yet.
                self._counts.update(dict.fromkeys(missing, self._counts[WORKSPACE_EVENTS.name]))
                self._counts.update(await partition_counts(self._bootstrap_servers))
            self._sure_of = topics

    def doubt(self) -> None:
        """Ask again the next time: a topic may have been deleted, or given more partitions.

        What is known stays until then, as another lane may be in the middle of a plan.
        """
        self._sure_of = None

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
