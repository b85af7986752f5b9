"""Transactions that are begun with their group, on a real Kafka."""

import asyncio
import uuid
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import ProducerFenced

from router.kafka.admin import ensure_topics
from router.kafka.record_batches import send_batches
from router.kafka.stable_offsets import stable_offset
from router.kafka.transactions import begin_with_group
from topics import WORKSPACE_EVENTS, Topic

pytestmark = pytest.mark.kafka

SOURCE = TopicPartition(WORKSPACE_EVENTS.name, 1)


@asynccontextmanager
async def a_producer(kafka, ident):
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers, transactional_id=ident, acks="all", retry_backoff_ms=5
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def test_the_group_comes_before_the_records_and_offset_and_records_are_committed_together(kafka):
    name = f"transactions-{uuid.uuid4().hex[:8]}"
    await ensure_topics(kafka.bootstrap_servers, [WORKSPACE_EVENTS, Topic(name, "", "", 1, "delete", (), ())])
    async with AsyncExitStack() as cleanup:
        producer = await cleanup.enter_async_context(a_producer(kafka, name))
        reader = AIOKafkaConsumer(
            bootstrap_servers=kafka.bootstrap_servers,
            group_id=name,
            enable_auto_commit=False,
            isolation_level="read_committed",
        )
        await reader.start()
        cleanup.push_async_callback(reader.stop)
        reader.assign([TopicPartition(name, 0)])
        await reader.seek_to_beginning()
        asked, send = [], producer.client.send

        async def listened(node, request, **options):
            asked.append(type(request).__name__)
            return await send(node, request, **options)

        producer.client.send = listened
        for number in range(5):
            asked.clear()
            await begin_with_group(producer, name)
            futures = await send_batches(producer, {(name, 0): [(None, None, b"%d" % number, ())]})
            await asyncio.gather(*futures)
            await producer.send_offsets_to_transaction({SOURCE: number + 1}, name)
            await producer.commit_transaction()
            assert set(asked[: asked.index("AddPartitionsToTxnRequest")]) == {"AddOffsetsToTxnRequest"}
            assert (await asyncio.wait_for(reader.getone(), 30)).value == b"%d" % number
            assert await stable_offset(reader, SOURCE) == number + 1


async def test_whoever_was_replaced_cannot_begin(kafka):
    ident = f"transactions-{uuid.uuid4().hex[:8]}"
    async with a_producer(kafka, ident) as former, a_producer(kafka, ident):
        with pytest.raises(ProducerFenced):
            await begin_with_group(former, ident)
