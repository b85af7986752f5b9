"""Whole record batches out: one batch a sink and round, so that each request to Kafka carries one for every sink."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

OutRecord = tuple[int | None, bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""Timestamp in milliseconds (None: now), key, value, headers."""

Destination = tuple[str, int]
"""Topic and partition."""


async def send_batches(
    producer: AIOKafkaProducer, outputs: Mapping[Destination, Iterable[OutRecord]]
) -> list[asyncio.Future[Any]]:
    """Hand records to a producer and return the futures of their batches, which must be awaited before a commit.

    Breadth first: a producer request holds at most one batch of each partition.
    """
    for topic in {topic for topic, _ in outputs}:
        # Once asked about a new topic, aiokafka forgets those that it knows from its first metadata only, and a batch
        # that waits for a transaction then has no leader until it expires.
        await producer.client.add_topic(topic)
    futures = []
    remaining = [(destination, iter(records)) for destination, records in outputs.items()]
    carried: dict[Destination, OutRecord] = {}
    while remaining:
        unfinished = []
        for destination, records in remaining:
            batch, left_over = _fill(producer, carried.pop(destination, None), records)
            topic, partition = destination
            futures.append(await producer.send_batch(batch, topic, partition=partition))
            if left_over is not None:
                carried[destination] = left_over
                unfinished.append((destination, records))
        remaining = unfinished
    return futures


def _fill(producer: AIOKafkaProducer, first: OutRecord | None, records: Any) -> tuple[Any, OutRecord | None]:  # noqa: ANN401
    """Return a full or final batch, and the record that did not fit."""
    batch = producer.create_batch()
    append = batch.append
    if first is not None:
        append(timestamp=first[0], key=first[1], value=first[2], headers=list(first[3]))
    for record in records:
        if append(timestamp=record[0], key=record[1], value=record[2], headers=list(record[3])) is None:
            batch.close()
            return batch, record
    batch.close()  # an open batch would linger
    return batch, None
