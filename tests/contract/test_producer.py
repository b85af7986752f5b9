"""One suite for the memory producer and the real one: a fake that behaves otherwise is a lie."""

import asyncio
import uuid

import pytest

from router.errors import KafkaUnavailableError, RefusedError
from router.kafka.admin import ensure_topics
from router.kafka.memory import MemoryProducer
from router.kafka.producer import KafkaProducer, Message
from router.kafka.ready_records import ready_record_of
from topics import MAX_MESSAGE_BYTES, Topic


@pytest.fixture
def topic():
    return f"contract-{uuid.uuid4().hex[:8]}"


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request):
    # Not in the asynchronous fixture below: the broker starts in an event loop of its own.
    return None if request.param == "memory" else request.getfixturevalue("kafka")


@pytest.fixture
async def producer(broker, topic):
    if broker is None:
        yield MemoryProducer()
        return
    await ensure_topics(broker.bootstrap_servers, [Topic(topic, "", "", 1, "delete", (), ())])
    producer = KafkaProducer(broker.bootstrap_servers)
    await producer.start()
    yield producer
    await producer.stop()


async def test_offsets_count_up_from_zero(producer, topic):
    assert await producer.send(topic, Message(b"k", b"v")) == (0, 0)
    assert await producer.send_all(topic, [Message(None, b"v"), Message(b"k", None)]) == [(0, 1), (0, 2)]


async def test_nothing_to_send_is_sent_at_once(producer, topic):
    assert await producer.send_all(topic, []) == []


async def test_headers_may_be_any_bytes(producer, topic):
    position = await producer.send(topic, Message(b"k", b"v", [("x", b"\x00\xff"), ("x", b"twice")]))
    assert position.offset == 0


async def test_many_records_are_written_by_key(producer, topic):
    await producer.write(topic, [Message(b"k%d" % number, b"v" * 300_000, [("h", b"x")]) for number in range(5)])
    await producer.write(topic, [])
    assert await producer.send(topic, Message(b"k", b"v")) == (0, 5)


async def test_records_that_are_bytes_already_are_written_by_key(producer, topic):
    await producer.write_ready(topic, [ready_record_of(b"k", b"v" * 300_000, [("h", b"x")]) for _ in range(5)])
    await producer.write_ready(topic, [])
    assert await producer.send(topic, Message(b"k", b"v")) == (0, 5)


async def test_writes_beside_one_another_are_all_acknowledged(producer, topic):
    records = [ready_record_of(b"k", b"v" * 200_000, [])] * 8
    await asyncio.gather(*(producer.write_ready(topic, records) for _ in range(10)))
    assert await producer.send(topic, Message(b"k", b"v")) == (0, 80)


async def test_a_record_that_is_too_large_is_refused_before_any_is_written(producer, topic):
    records = [ready_record_of(b"k", b"small", []), ready_record_of(b"k", b"v" * MAX_MESSAGE_BYTES, [])]
    with pytest.raises(RefusedError):
        await producer.write_ready(topic, records)
    assert await producer.send(topic, Message(b"k", b"v")) == (0, 0)


async def test_the_largest_record_is_taken(producer, topic):
    await producer.write_ready(topic, [ready_record_of(b"k", b"v" * (MAX_MESSAGE_BYTES - 100), [])])
    assert await producer.send(topic, Message(b"k", b"v")) == (0, 1)


async def test_a_broker_that_is_gone_is_an_error_in_words():
    producer = MemoryProducer()
    producer.broken = True
    with pytest.raises(KafkaUnavailableError):
        await producer.send("t", Message(b"k", b"v"))
    unreachable = KafkaProducer("127.0.0.1:1", timeout_seconds=3)
    with pytest.raises(KafkaUnavailableError, match=r"127\.0\.0\.1:1"):
        await unreachable.send("t", Message(b"k", b"v"))
