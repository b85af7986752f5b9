"""Reading topics as a bystander: every partition, no consumer group, committed records only."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from difflib import get_close_matches
from typing import Final

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from router.errors import KafkaUnavailableError, NotFoundError
from router.kafka.admin import partition_counts
from router.kafka.connection import connection
from router.kafka.consumer import KafkaConsumer
from topics import MAX_MESSAGE_BYTES

_LEARNING_SECONDS: Final = 1.0


@asynccontextmanager
async def reading(
    bootstrap_servers: str, topics: Sequence[str], *, from_beginning: bool
) -> AsyncIterator[KafkaConsumer]:
    """Give a consumer of these topics, at their beginning or at their end.

    Raises:
        KafkaUnavailableError: no broker answers.
        NotFoundError: a topic does not exist; the hint lists near names.
    """
    counts = await _counts(bootstrap_servers, topics)
    for topic in topics:
        if topic not in counts:
            raise NotFoundError(f"there is no topic {topic} at {bootstrap_servers}", hint=_near(topic, counts))
    partitions = [TopicPartition(topic, number) for topic in topics for number in range(counts[topic])]
    consumer = KafkaConsumer(
        **connection(bootstrap_servers),
        enable_auto_commit=False,
        isolation_level="read_committed",
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
    )
    try:
        try:
            await consumer.start()
            consumer.assign(partitions)
            await (consumer.seek_to_beginning if from_beginning else consumer.seek_to_end)(*partitions)
        except (KafkaError, OSError) as error:
            raise KafkaUnavailableError(f"Kafka at {bootstrap_servers} stopped answering") from error
        yield consumer
    finally:
        await consumer.stop()


async def is_committed(bootstrap_servers: str, topic: str, offset: int) -> bool:
    """Say whether readers of committed records get the record at an offset of a topic of one partition.

    Its transaction must have ended, so that the next committed record tells, or the end of the topic.

    Raises:
        KafkaUnavailableError: no broker answers.
    """
    async with reading(bootstrap_servers, [topic], from_beginning=False) as consumer:
        partition = TopicPartition(topic, 0)
        end = (await consumer.end_offsets([partition]))[partition]
        consumer.seek(partition, offset)
        while await consumer.position(partition) < end:
            for record in (await consumer.getmany(timeout_ms=100, max_records=1)).get(partition, ()):
                return bool(record.offset == offset)
    return False


async def _counts(bootstrap_servers: str, topics: Sequence[str]) -> dict[str, int]:
    """Return the partitions of every topic; a broker may learn of one that was just made a moment after its maker."""
    deadline = asyncio.get_running_loop().time() + _LEARNING_SECONDS
    while True:
        counts = await partition_counts(bootstrap_servers)
        if counts.keys() >= set(topics) or asyncio.get_running_loop().time() > deadline:
            return counts
        await asyncio.sleep(0.2)


def _near(topic: str, counts: dict[str, int]) -> str:
    """Name the topics that may have been meant: those spelled alike, else those of the same kind."""
    kind = [name for name in sorted(counts) if name.partition(".")[0] == topic.partition(".")[0]]
    near = get_close_matches(topic, kind, n=5, cutoff=0.6) or kind[:10]
    if not near:
        return "No subscription has a topic yet; `router event-subscription create --endpoint-type topic` makes one."
    return f"Did you mean {', '.join(near)}?"
