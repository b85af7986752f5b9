"""Consumer groups of the benchmarks: where they begin, how far they are, who is in them."""

import asyncio
import struct
from collections.abc import Sequence

from aiokafka import TopicPartition as Partition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from confluent_kafka import Consumer, TopicPartition

LEAVE_GROUP, VERSION = 13, 3


def begin_at(bootstrap: str, group: str, topic: str, offsets: dict[int, int]) -> None:
    """Commit where a group that has no members shall begin."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": group, "enable.auto.commit": False})
    places = [TopicPartition(topic, number, offset) for number, offset in offsets.items()]
    for place in consumer.commit(offsets=places, asynchronous=False):
        if place.error is not None:
            raise RuntimeError(f"{group} cannot begin at {place.offset}: {place.error}")
    consumer.close()


async def progress(client: AIOKafkaAdminClient, group: str, topic: str, start: dict[int, int]) -> int:
    """Return how many records of a topic a group has committed since it began."""
    try:
        found = await client.list_consumer_group_offsets(
            group, partitions=[Partition(topic, number) for number in start]
        )
    except KafkaError:
        return 0  # a new broker makes its offsets topic when the first group comes
    return sum(max(0, meta.offset - start[place.partition]) for place, meta in found.items())


async def members(client: AIOKafkaAdminClient, group: str) -> int:
    """Return how many members a group has; 0 while they come or go."""
    (answer,) = await client.describe_consumer_groups([group])
    _, _, state, _, _, found, *_ = answer.groups[0]
    return len(found) if state == "Stable" else 0


async def leave(bootstrap: str, group: str, instances: Sequence[str]) -> None:
    """Take static members out of a group, which would keep their places for a while after they have ended."""
    host, _, port = bootstrap.partition(",")[0].rpartition(":")
    body = _text(group) + struct.pack(">i", len(instances)) + b"".join(_text("") + _text(one) for one in instances)
    request = struct.pack(">hhi", LEAVE_GROUP, VERSION, 1) + _text("benchmarks") + body
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        answer = await reader.readexactly(size)
    finally:
        writer.close()
        await writer.wait_closed()
    # Correlation id, throttle time, and the error of the whole; a member that is not there is none.
    _, _, error = struct.unpack_from(">iih", answer)
    if error:
        raise RuntimeError(f"{group}: error {error} when its members were to leave")


def _text(value: str) -> bytes:
    return struct.pack(">h", len(value.encode())) + value.encode()
