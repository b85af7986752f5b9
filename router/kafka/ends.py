"""Where topics end now: what somebody who has just come has to read to know everything."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from router.errors import KafkaUnavailableError
from router.kafka.connection import connection
from router.kafka.consumer import KafkaConsumer

ANSWER_SECONDS: Final = 2.0


class EndOffsets:
    """Asks for the ends of topics of one partition, over a connection of its own.

    A reader's connection would not do: Kafka answers there only once the reader's own request has waited for records.
    """

    def __init__(self, bootstrap_servers: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._consumer: KafkaConsumer | None = None
        self._connecting = asyncio.Lock()

    async def of(self, topics: Iterable[str]) -> dict[str, int]:
        """Return the offset that the next record of each topic will have.

        Raises:
            KafkaUnavailableError: it does not answer in time.
        """
        partitions = [TopicPartition(topic, 0) for topic in topics]
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await (await self._connected()).end_offsets(partitions)
        except (KafkaError, OSError, TimeoutError) as error:
            await self.stop()
            raise KafkaUnavailableError(f"Kafka at {self._bootstrap_servers} does not say where topics end") from error
        return {partition.topic: offset for partition, offset in found.items()}

    async def stop(self) -> None:
        """Disconnect; the next question connects again."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            with suppress(Exception):
                await consumer.stop()

    async def _connected(self) -> KafkaConsumer:
        async with self._connecting:
            if self._consumer is None:
                consumer = KafkaConsumer(**connection(self._bootstrap_servers), enable_auto_commit=False)
                try:
                    await consumer.start()
                except BaseException:
                    await consumer.stop()
                    raise
                self._consumer = consumer
        return self._consumer
