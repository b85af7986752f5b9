"""One suite for the memory writer and the real one: what is written on a condition, and by several in turns."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownError

from router.errors import RefusedError
from router.kafka.admin import ensure_topics
from router.kafka.compacted import CompactedReader
from router.kafka.ends import EndOffsets
from router.kafka.exclusive_writer import ChangedMeanwhileError, ExclusiveWriter
from router.kafka.memory import MemoryProducer, MemoryWriter
from router.kafka.producer import Message
from topics import Topic


class Known:
    """What a process knows of a topic, the newest value by key."""

    def __init__(self) -> None:
        self.values: dict[bytes, bytes] = {}

    def apply(self, key: bytes, value: bytes | None) -> None:
        self.values.pop(key, None)
        if value is not None:
            self.values[key] = value


class MemoryReader(Known):
    def __init__(self, producer: MemoryProducer, topic: str) -> None:
        super().__init__()
        self._messages, self._next = producer.topics[topic], 0

    async def wait_for(self, offset: int) -> None:
        await asyncio.sleep(0)
        while self._next <= offset:
            message = self._messages[self._next]
            self._next += 1
            self.apply(message.key or b"", message.value)


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request):
    # Not in the asynchronous fixture below: the broker starts in an event loop of its own.
    return None if request.param == "memory" else request.getfixturevalue("kafka")


@pytest.fixture
async def process(broker) -> AsyncIterator[Callable[[], Any]]:
    """Make processes over one topic: each a writer, and what is known there."""
    topic, producer = Topic(f"contract-{uuid.uuid4().hex[:8]}", "", "", 1, "compact", (), ()), MemoryProducer()
    async with AsyncExitStack() as cleanup:
        if broker is not None:
            await ensure_topics(broker.bootstrap_servers, [topic])

        async def made() -> tuple[Any, dict[bytes, bytes]]:
            if broker is None:
                memory = MemoryReader(producer, topic.name)
                return MemoryWriter(producer, topic.name, memory), memory.values
            known = Known()
            reader, ends = (
                CompactedReader(broker.bootstrap_servers, topic, known.apply),
                EndOffsets(broker.bootstrap_servers),
            )
            await reader.start()
            cleanup.push_async_callback(reader.stop)
            cleanup.push_async_callback(ends.stop)
            writer = ExclusiveWriter(broker.bootstrap_servers, topic.name, reader, ends)
            cleanup.push_async_callback(writer.stop)
            return writer, known.values

        yield made


def always() -> bool:
    return True


async def test_what_is_written_is_known_when_the_write_returns(process):
    writer, known = await process()
    await writer.write([Message(b"a", b"1"), Message(b"b", b"2")], always)
    assert known == {b"a": b"1", b"b": b"2"}
    await writer.write([Message(b"a", None)], always)
    assert known == {b"b": b"2"}


async def test_a_condition_that_does_not_hold_writes_nothing(process):
    writer, known = await process()
    with pytest.raises(ChangedMeanwhileError):
        await writer.write([Message(b"a", b"1")], lambda: False)
    await writer.write([Message(b"b", b"2")], always)
    assert known == {b"b": b"2"}


async def test_what_other_processes_wrote_fails_conditions_on_what_was_before(process):
    (one, _), (other, seen) = await process(), await process()
    for number in range(3):
        read = dict(seen)
        await one.write([Message(b"a", b"%d" % number)], always)
        with pytest.raises(ChangedMeanwhileError):
            await other.write([Message(b"a", b"x")], lambda read=read: seen == read)
        assert seen[b"a"] == b"%d" % number
        await other.write([Message(b"b", b"%d" % number)], lambda read=dict(seen): seen == read)


async def test_of_many_who_count_at_once_in_two_processes_none_is_lost(process):
    processes = [await process(), await process()]
    for writer, _ in processes:
        await writer.write([Message(b"n", b"0")], always)

    async def count(writer: Any, known: dict[bytes, bytes]) -> None:
        while True:
            read = known[b"n"]
            try:
                await writer.write([Message(b"n", b"%d" % (int(read) + 1))], lambda read=read: known[b"n"] == read)
            except ChangedMeanwhileError:
                continue
            return

    for _ in range(5):
        await asyncio.gather(*(count(*one) for one in processes))
    await processes[0][0].write([Message(b"x", b"")], always)
    assert processes[0][1][b"n"] == b"10"


async def test_many_at_once_are_written_each_on_its_own_condition(process):
    writer, known = await process()
    outcomes = await asyncio.gather(
        *(writer.write([Message(b"%d" % at, b"")], lambda at=at: at % 3 > 0) for at in range(30)),
        return_exceptions=True,
    )
    assert [type(one) for one in outcomes] == [ChangedMeanwhileError if at % 3 == 0 else type(None) for at in range(30)]
    assert set(known) == {b"%d" % at for at in range(30) if at % 3}


@pytest.mark.kafka
@pytest.mark.parametrize("broker", ["kafka"], indirect=True)
@pytest.mark.parametrize("is_done", [True, False], ids=["committed", "not committed"])
async def test_a_commit_that_kafka_did_not_confirm_counts_once(process, is_done, monkeypatch):
    writer, known = await process()
    commit = AIOKafkaProducer.commit_transaction

    async def unconfirmed(producer: AIOKafkaProducer) -> None:
        monkeypatch.undo()
        if is_done:
            await commit(producer)
        raise UnknownError

    monkeypatch.setattr(AIOKafkaProducer, "commit_transaction", unconfirmed)
    asked: list[dict[bytes, bytes]] = []

    def still() -> bool:
        asked.append(dict(known))
        return b"a" not in known

    await writer.write([Message(b"a", b"1")], still)
    assert known == {b"a": b"1"}
    assert asked == [{}] if is_done else [{}, {}]


@pytest.mark.kafka
async def test_a_record_that_is_too_large_is_refused_and_those_beside_it_are_written(kafka):
    topic = Topic(f"contract-{uuid.uuid4().hex[:8]}", "", "", 1, "compact", (), ())
    await ensure_topics(kafka.bootstrap_servers, [topic])
    known = Known()
    reader, ends = CompactedReader(kafka.bootstrap_servers, topic, known.apply), EndOffsets(kafka.bootstrap_servers)
    await reader.start()
    writer = ExclusiveWriter(kafka.bootstrap_servers, topic.name, reader, ends)
    sizes = (1, 3 * 1024 * 1024, 1)
    outcomes = await asyncio.gather(
        *(writer.write([Message(b"%d" % at, b"x" * size)], always) for at, size in enumerate(sizes)),
        return_exceptions=True,
    )
    assert [type(one) for one in outcomes] == [type(None), RefusedError, type(None)]
    assert set(known.values) == {b"0", b"2"}
    await writer.stop()
    await ends.stop()
    await reader.stop()
