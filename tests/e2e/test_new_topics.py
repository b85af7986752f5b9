"""A producer that runs while topics are made."""

import asyncio
import uuid
from dataclasses import replace

import pytest
from aiokafka import AIOKafkaProducer

from router.kafka.admin import ensure_topics
from router.kafka.record_batches import send_batches
from topics import SUBSCRIBER_EVENTS

pytestmark = pytest.mark.kafka


def a_topic():
    return replace(SUBSCRIBER_EVENTS, name=f"test.{uuid.uuid4().hex}")


async def test_a_new_topic_does_not_make_a_producer_forget_the_others(kafka):
    old, new = a_topic(), a_topic()
    await ensure_topics(kafka.bootstrap_servers, [old])
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers, request_timeout_ms=3_000, transactional_id=uuid.uuid4().hex
    )
    await producer.start()
    # As happens when a coordinator is not there yet: every topic becomes known, and none is remembered as wanted.
    await producer.client.force_metadata_update()
    try:
        await ensure_topics(kafka.bootstrap_servers, [new])
        record = (None, b"key", b"value", ())
        async with producer.transaction():
            futures = await send_batches(producer, {(old.name, 0): [record], (new.name, 0): [record]})
            await asyncio.gather(*futures)
        # What metadata does not name has no leader: its next batch would wait until it expires.
        assert {old.name, new.name} <= producer.client.cluster.topics()
    finally:
        await producer.stop()
