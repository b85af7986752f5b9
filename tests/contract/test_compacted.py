"""A reader of a compacted topic on a real Kafka."""

import uuid

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from router.kafka import compacted
from router.kafka.admin import ensure_topics
from router.kafka.compacted import CompactedReader
from router.kafka.consumer import KafkaConsumer
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


async def test_a_record_that_nobody_was_prepared_for_is_passed_over(kafka):
    topic = Topic(f"odd-{uuid.uuid4().hex[:8]}", "", "", 1, "compact", (), ())
    await ensure_topics(kafka.bootstrap_servers, [topic])
    producer = KafkaProducer(kafka.bootstrap_servers)
    for key in (b"a", b"odd", b"b"):
        await producer.send(topic.name, Message(key, b"value"))
    await producer.stop()
    known = []

    def apply(key, _value):
        if key == b"odd":
            raise ZeroDivisionError
        known.append(key)

    reader = CompactedReader(kafka.bootstrap_servers, topic, apply)
    await reader.start()
    assert reader.is_running
    await reader.stop()
    assert known == [b"a", b"b"]


async def test_whatever_a_consumer_ends_with_another_one_follows(kafka, monkeypatch):
    class BrokenOnce(KafkaConsumer):
        starts = 0

        async def start(self):
            BrokenOnce.starts += 1
            if BrokenOnce.starts == 1:
                raise RuntimeError("nobody was prepared for this")
            await super().start()

    monkeypatch.setattr(compacted, "KafkaConsumer", BrokenOnce)
    topic = Topic(f"broken-{uuid.uuid4().hex[:8]}", "", "", 1, "compact", (), ())
    await ensure_topics(kafka.bootstrap_servers, [topic])
    reader = CompactedReader(kafka.bootstrap_servers, topic, {}.__setitem__)
    await reader.start()
    assert (reader.is_running, BrokenOnce.starts) == (True, 2)
    await reader.stop()
