"""Records on their way to Kafka."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from router.errors import RefusedError
from router.kafka.memory import MemoryProducer
from router.kafka.outbox import Outbox
from router.kafka.producer import Message
from tests.waiting import until

ONE = Message(b"key", b"one")
TWO = Message(b"key", b"two")


class PickyProducer(MemoryProducer):
    """Takes no message with the value `b"huge"`."""

    async def send_all(self, topic, messages):
        messages = list(messages)
        if any(message.value == b"huge" for message in messages):
            raise RefusedError("too large")
        return await super().send_all(topic, messages)


@asynccontextmanager
async def running(outbox: Outbox) -> AsyncIterator[None]:
    task = asyncio.create_task(outbox.run())
    yield
    task.cancel()
    await asyncio.wait({task})


async def test_an_entry_is_called_back_once_all_of_it_is_written():
    producer = MemoryProducer()
    outbox, written = Outbox(producer), asyncio.Event()
    async with running(outbox):
        outbox.put([("a", ONE), ("b", TWO)], written.set)
        assert len(outbox) == 1
        await asyncio.wait_for(written.wait(), 5)
    assert producer.topics == {"a": [ONE], "b": [TWO]}
    assert len(outbox) == 0


@pytest.mark.usefixtures("_no_pauses")
async def test_while_kafka_is_gone_records_wait_and_none_is_lost():
    producer = MemoryProducer()
    producer.broken = True
    outbox, written = Outbox(producer), []
    async with running(outbox):
        for number in range(5):
            outbox.put([("a", Message(b"key", b"%d" % number))], lambda number=number: written.append(number))
        for _ in range(20):
            await asyncio.sleep(0)
        assert written == []
        producer.broken = False
        await until(lambda: len(outbox) == 0)
    assert written == [0, 1, 2, 3, 4]
    assert [message.value for message in producer.topics["a"]] == [b"0", b"1", b"2", b"3", b"4"]


async def test_a_record_that_kafka_never_takes_does_not_hold_up_the_others():
    producer = PickyProducer()
    outbox, written = Outbox(producer), asyncio.Event()
    async with running(outbox):
        outbox.put([("a", ONE)], lambda: None)
        outbox.put([("a", Message(b"key", b"huge"))], lambda: None)
        outbox.put([("a", TWO)], written.set)
        await asyncio.wait_for(written.wait(), 5)
    assert producer.topics["a"] == [ONE, TWO]


@pytest.fixture
def _no_pauses(monkeypatch):
    monkeypatch.setattr("router.kafka.outbox._FIRST_PAUSE_SECONDS", 0)
