"""The topics of subscribers: made before the create call answers, so that readers find them (design §2)."""

import asyncio
from dataclasses import replace
from typing import Final, Protocol

from router.kafka.admin import create_topic, delete_topic, partition_counts
from router.settings import Settings
from topics import SUBSCRIBER_EVENTS, WORKSPACE_EVENTS, subscriber_topic

LAST_WRITES_SECONDS: Final = 1.0
"""How long workers are given to learn that a subscription is gone before its topic is deleted under them."""


class SubscriberTopics(Protocol):
    """What the management API needs of Kafka; `KafkaSubscriberTopics` is the real one."""

    async def ensure(self, name: str) -> None:
        """Make `subscriber.<name>` unless it is there."""
        ...

    async def delete(self, name: str) -> None:
        """Delete `subscriber.<name>` with everything in it."""
        ...


class KafkaSubscriberTopics:
    """Topics on the broker, with as many partitions as workspace.events, so that events keep theirs (design §2)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._partitions: int | None = None

    async def ensure(self, name: str) -> None:
        """Make `subscriber.<name>` unless it is there.

        Raises:
            KafkaUnavailableError: no broker answers.
            RefusedError: Kafka refuses to make it.
        """
        servers = self._settings.bootstrap_servers
        if self._partitions is None:
            counts = await partition_counts(servers, [WORKSPACE_EVENTS.name])
            self._partitions = counts.get(WORKSPACE_EVENTS.name, self._settings.event_partitions)
        topic = replace(SUBSCRIBER_EVENTS, name=subscriber_topic(name), partitions=self._partitions)
        await create_topic(servers, topic, replication_factor=self._settings.replication_factor)

    async def delete(self, name: str) -> None:
        """Delete `subscriber.<name>` with everything in it.

        Raises:
            KafkaUnavailableError: no broker answers.
            RefusedError: Kafka refuses to delete it.
        """
        await asyncio.sleep(LAST_WRITES_SECONDS)
        await delete_topic(self._settings.bootstrap_servers, subscriber_topic(name))
