"""The committed offset, asked from a real Kafka in the form that aiokafka does not know."""

import uuid

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from router.kafka.admin import ensure_topics
from router.kafka.stable_offsets import stable_offset
from topics import WORKSPACE_EVENTS

pytestmark = pytest.mark.kafka

PARTITION = TopicPartition(WORKSPACE_EVENTS.name, 2)


async def test_the_newest_offset_is_told_also_of_a_transaction_and_none_where_there_is_none(kafka):
    await ensure_topics(kafka.bootstrap_servers, [WORKSPACE_EVENTS])
    group = f"stable-{uuid.uuid4().hex[:8]}"
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, group_id=group, enable_auto_commit=False)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id=group)
    await consumer.start()
    await producer.start()
    try:
        assert await stable_offset(consumer, PARTITION) is None
        for offset in (0, 41, 42):
            async with producer.transaction():
                await producer.send_offsets_to_transaction({PARTITION: offset}, group)
            assert await stable_offset(consumer, PARTITION) == offset
    finally:
        await producer.stop()
        await consumer.stop()
