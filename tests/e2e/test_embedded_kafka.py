"""The embedded Kafka on a real JVM."""

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from router.kafka.admin import ensure_topics
from topics import WORKSPACE_EVENTS

pytestmark = pytest.mark.kafka


async def test_a_transaction_is_seen_whole_by_a_committed_reader(kafka):
    await ensure_topics(kafka.bootstrap_servers, [WORKSPACE_EVENTS])
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id="embedded-test")
    await producer.start()
    async with producer.transaction():
        await (await producer.send(WORKSPACE_EVENTS.name, b"in a transaction"))
    await producer.stop()

    consumer = AIOKafkaConsumer(
        WORKSPACE_EVENTS.name,
        bootstrap_servers=kafka.bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    await consumer.start()
    record = await consumer.getone()
    await consumer.stop()

    assert record.value == b"in a transaction"
