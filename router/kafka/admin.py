"""Topics on the broker: made when missing, never changed."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from router.errors import KafkaUnavailableError, RefusedError
from router.kafka.connection import connection, hint_when_nobody_answers
from topics import ALL_TOPICS, WORKSPACE_EVENTS, Topic

_TOPIC_ALREADY_EXISTS = 36
_UNKNOWN_TOPIC = 3
_LARGEST_MESSAGE = "max.message.bytes"


@asynccontextmanager
async def admin_client(bootstrap_servers: str, *, timeout_seconds: float = 20.0) -> AsyncIterator[AIOKafkaAdminClient]:
    """Give a connected admin client.

    Raises:
        KafkaUnavailableError: no broker answers.
    """
    client = AIOKafkaAdminClient(**connection(bootstrap_servers), request_timeout_ms=int(timeout_seconds * 1000))
    try:
        try:
            async with asyncio.timeout(timeout_seconds):
                await client.start()
        except (KafkaError, TimeoutError, OSError) as error:
            raise KafkaUnavailableError(
                f"no Kafka answers at {bootstrap_servers}",
                hint=hint_when_nobody_answers(),
            ) from error
        yield client
    finally:
        await client.close()


async def ensure_topics(bootstrap_servers: str, topics: Iterable[Topic], *, replication_factor: int = 1) -> list[str]:
    """Make the topics that are missing and return their names; topics that exist are left as they are.

    Raises:
        KafkaUnavailableError: no broker answers.
        RefusedError: Kafka refuses to make one of them; the message says why.
    """
    wanted = {topic.name: topic for topic in topics}
    async with admin_client(bootstrap_servers) as client:
        # A list may still have what was deleted just now, so all are made; who may not make any has them perhaps.
        made, refused = await _create(client, [wanted[name] for name in sorted(wanted)], replication_factor)
        if refused:
            listed = await client.list_topics()
            _raise_first({name: why for name, why in refused.items() if name not in listed})
        return made


async def create_topic(bootstrap_servers: str, topic: Topic, *, replication_factor: int = 1) -> bool:
    """Make one topic and return whether it was missing.

    Raises:
        KafkaUnavailableError: no broker answers.
        RefusedError: Kafka refuses to make it; the message says why.
    """
    async with admin_client(bootstrap_servers) as client:
        made, refused = await _create(client, [topic], replication_factor)
    _raise_first(refused)
    return bool(made)


async def _create(
    client: AIOKafkaAdminClient, topics: Iterable[Topic], replication_factor: int
) -> tuple[list[str], dict[str, str]]:
    """Return the names of those that were made, and by name why Kafka refused others; what exists is neither."""
    answer = await client.create_topics(
        [NewTopic(topic.name, topic.partitions, replication_factor, topic_configs=topic.config()) for topic in topics]
    )
    made, refused = [], {}
    for name, code, *details in answer.topic_errors:
        if code == 0:
            made.append(name)
        elif code != _TOPIC_ALREADY_EXISTS:
            refused[name] = details[0] if details and details[0] else for_code(code).__name__
    return made, refused


def _raise_first(refused: Mapping[str, str]) -> None:
    for name, why in refused.items():
        raise RefusedError(f"Kafka refuses to make topic {name}: {why}", target=name)


async def delete_topic(bootstrap_servers: str, name: str) -> None:
    """Delete a topic with everything in it; nothing happens when there is none.

    Raises:
        KafkaUnavailableError: no broker answers.
        RefusedError: Kafka refuses to delete it; the message says why.
    """
    async with admin_client(bootstrap_servers) as client:
        answer = await client.delete_topics([name])  # whether or not it is listed: a list may be a moment old
    for _name, code, *_ in answer.topic_error_codes:
        if code not in (0, _UNKNOWN_TOPIC):
            why = f"{for_code(code).__name__} (error {code})"
            raise RefusedError(f"Kafka refuses to delete topic {name}: {why}", target=name)


async def partition_counts(bootstrap_servers: str, names: Iterable[str] | None = None) -> dict[str, int]:
    """Return the number of partitions of every topic on the broker, or of those with the given names."""
    async with admin_client(bootstrap_servers) as client:
        described = await client.describe_topics(None if names is None else list(names))
    return {topic["topic"]: len(topic["partitions"]) for topic in described if topic["partitions"]}


async def largest_messages(bootstrap_servers: str, names: Iterable[str]) -> dict[str, int]:
    """Return how many bytes a record batch may have in each of these topics, as far as Kafka tells.

    Raises:
        KafkaUnavailableError: no broker answers.
    """
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, {_LARGEST_MESSAGE: None}) for name in names]
    async with admin_client(bootstrap_servers) as client:
        answers = await client.describe_configs(asked)
    return {
        name: int(value)
        for answer in answers
        for code, _message, _kind, name, settings in answer.resources
        for setting, value, *_ in settings
        if code == 0 and setting == _LARGEST_MESSAGE
    }


async def committed_offset(bootstrap_servers: str, group: str, topic: str, partition: int) -> int | None:
    """Return the offset that a consumer group has committed for a partition; None when it has none.

    Raises:
        KafkaUnavailableError: no broker answers.
    """
    place = TopicPartition(topic, partition)
    async with admin_client(bootstrap_servers) as client:
        try:
            found = await client.list_consumer_group_offsets(group, partitions=[place])
        except KafkaError as error:
            raise KafkaUnavailableError(f"Kafka at {bootstrap_servers} does not know group {group} yet") from error
    return found[place].offset if place in found and found[place].offset >= 0 else None


async def ensure_all_topics(
    bootstrap_servers: str, *, event_partitions: int, replication_factor: int, wait_seconds: float
) -> None:
    """Make the router's own topics, waiting a while for a Kafka that is about to start; raises as `ensure_topics`."""
    topics = [topic.with_partitions(event_partitions) if topic is WORKSPACE_EVENTS else topic for topic in ALL_TOPICS]
    deadline = asyncio.get_running_loop().time() + wait_seconds
    while True:
        try:
            await ensure_topics(bootstrap_servers, topics, replication_factor=replication_factor)
        except KafkaUnavailableError:
            if asyncio.get_running_loop().time() > deadline:
                raise
            await asyncio.sleep(0.5)
        else:
            return
