"""The reference of the fan-out benchmark: an aiokafka loop that does the same work with the same guarantee.

It polls everything there is, plans it with the router's own pure code, writes it in whole batches and commits: no
Faust, no lanes, no live subscriptions, no metrics. One transaction a poll.
"""

import asyncio

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from benchmarks.loops import begin
from router.fanout.plan import plan_batch
from router.fanout.reading import Reader
from router.kafka.admin import partition_counts
from router.kafka.batch_transport import MAX_BATCH
from router.kafka.producer import BATCH_BYTES
from router.kafka.record_batches import send_batches
from router.subscriptions.view import SubscriptionsView
from topics import MAX_MESSAGE_BYTES, SUBSCRIPTIONS, WORKSPACE_EVENTS


async def routes_of(bootstrap: str):
    """Read the subscriptions once."""
    view = SubscriptionsView()
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    partition = TopicPartition(SUBSCRIPTIONS.name, 0)
    consumer.assign([partition])
    await consumer.seek_to_beginning(partition)
    end = (await consumer.end_offsets([partition]))[partition]
    while await consumer.position(partition) < end:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                view.apply(record.key, record.value)
    await consumer.stop()
    return view.routes


async def main(bootstrap: str, group: str, *, transactional: bool) -> None:
    """Fan out from the committed offsets until killed."""
    reader, counts = Reader(await routes_of(bootstrap)), await partition_counts(bootstrap)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        group_id=group,
        enable_auto_commit=False,
        isolation_level="read_committed",
        max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
        fetch_max_wait_ms=50,
    )
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        acks="all",
        max_batch_size=BATCH_BYTES,
        max_request_size=MAX_MESSAGE_BYTES + BATCH_BYTES,
        enable_idempotence=True,
        retry_backoff_ms=20,
        transactional_id=group if transactional else None,
    )
    consumer.subscribe([WORKSPACE_EVENTS.name])
    await asyncio.gather(consumer.start(), producer.start())
    while True:
        polled = await consumer.getmany(timeout_ms=200)
        if not polled:
            continue
        if transactional:
            await producer.begin_transaction()
        futures, offsets = [], {}
        for partition, records in polled.items():
            for at in range(0, len(records), MAX_BATCH):
                plan = plan_batch(records[at : at + MAX_BATCH], reader, counts)
                futures += await send_batches(producer, plan.outputs)
                await asyncio.sleep(0)
            offsets[partition] = OffsetAndMetadata(records[-1].offset + 1, "")
        if transactional:
            await producer.send_offsets_to_transaction(offsets, group)
        await asyncio.gather(*futures)
        if transactional:
            await producer.commit_transaction()
        else:
            await consumer.commit(offsets)


if __name__ == "__main__":
    given = begin()
    uvloop.run(main(given.bootstrap, given.group, transactional=given.transactional))
