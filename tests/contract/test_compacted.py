"""A reader of a compacted topic on a real Kafka."""

import uuid

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from router.kafka.admin import ensure_topics
from router.kafka.compacted import CompactedReader
from router.kafka.producer import KafkaProducer, Message
from topics import Topic

pytestmark = pytest.mark.kafka


async def test_of_a_topic_whose_beginning_is_gone_all_that_is_left_is_read(kafka):
    topic = Topic(f"cut-{uuid.uuid4().hex[:8]}", "", "", 1, "delete", (), ())
    await ensure_topics(kafka.bootstrap_servers, [topic])
    producer = KafkaProducer(kafka.bootstrap_servers)
    for number in range(6):
        await producer.send(topic.name, Message(b"%d" % number, b"value"))
    await producer.stop()
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    for cut in admin.delete_records([TopicPartition(topic.name, 0, 4)]).values():
        cut.result(30)

    known = {}
    reader = CompactedReader(kafka.bootstrap_servers, topic, known.__setitem__)
    await reader.start()
    await reader.stop()
    assert known == {b"4": b"value", b"5": b"value"}
