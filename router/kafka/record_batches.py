"""Whole record batches out: one batch a sink and round, so that each request to Kafka carries one for every sink."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaProducer

from router.kafka.produce_requests import install
from router.kafka.shared_batches import EncodedRecords, OutRecord, StampedBatch, encode

__all__ = ["BATCH_BYTES", "Destination", "OutRecord", "send_batches"]

BATCH_BYTES = 256 * 1024
"""The sweet spot of aiokafka: more costs copies (reference: Faust and aiokafka, §3)."""

Destination = tuple[str, int]
"""Topic and partition."""

install()


async def send_batches(
    producer: AIOKafkaProducer, outputs: Mapping[Destination, Sequence[OutRecord]]
) -> list[asyncio.Future[Any]]:
    """Hand records to a producer and return the futures of their batches, which must be awaited before a commit.

    Destinations that get the same records share one encoding of them. Breadth first: a producer request holds at most
    one batch of each partition.
    """
    for topic in {topic for topic, _ in outputs}:
        # Once asked about a new topic, aiokafka forgets those that it knows from its first metadata only, and a batch
        # that waits for a transaction then has no leader until it expires.
        await producer.client.add_topic(topic)
    transactional = _is_transactional(producer)
    remaining: list[tuple[list[Destination], Iterator[EncodedRecords]]] = [
        (destinations, encode(records, transactional=transactional, most_bytes=BATCH_BYTES))
        for records, destinations in _by_records(outputs)
    ]
    futures = []
    while remaining:
        unfinished = []
        for destinations, batches in remaining:
            batch = next(batches, None)
            if batch is None:
                continue
            for topic, partition in destinations:
                futures.append(await producer.send_batch(StampedBatch(batch), topic, partition=partition))
            unfinished.append((destinations, batches))
        remaining = unfinished
    return futures


def _by_records(
    outputs: Mapping[Destination, Sequence[OutRecord]],
) -> list[tuple[Sequence[OutRecord], list[Destination]]]:
    """Put destinations with the same records in the same order together."""
    groups: dict[tuple[int, ...], list[tuple[Sequence[OutRecord], list[Destination]]]] = {}
    for destination, records in outputs.items():
        if not records:
            continue
        # Sinks share the very objects; a few of them tell most lists apart, and equality is only the proof.
        alike = groups.setdefault((len(records), *map(id, (records[0], records[len(records) // 2], records[-1]))), [])
        for others, destinations in alike:
            if others == records:
                destinations.append(destination)
                break
        else:
            alike.append((records, [destination]))
    return [group for alike in groups.values() for group in alike]


def _is_transactional(producer: AIOKafkaProducer) -> bool:
    transactions = producer._txn_manager  # noqa: SLF001 (aiokafka's own builders ask there too)
    return transactions is not None and transactions.transactional_id is not None
