"""Many small writers become a few large writes."""

import asyncio
from functools import partial

import pytest

from router.errors import KafkaUnavailableError, RefusedError
from router.kafka.joint_writer import MOST_BYTES, MOST_RECORDS, JointWriter
from router.kafka.memory import MemoryProducer
from router.kafka.producer import Message


class HeldProducer(MemoryProducer):
    """Counts its writes, which wait until they are let go; refuses what is called `huge`, breaks at `poison`."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = []
        self.go = asyncio.Event()

    async def write(self, topic, messages):
        self.writes.append(len(messages))
        await self.go.wait()
        if any(message.value == b"huge" for message in messages):
            raise RefusedError("too large")
        if any(message.value == b"poison" for message in messages):
            raise ZeroDivisionError
        await super().write(topic, messages)


def message(text):
    return [Message(None, text.encode())]


async def started(producer, *texts, wait_seconds=10.0):
    """The writes of several tasks, the first of which is under way."""
    writer = JointWriter(partial(producer.write, "t"), "t", wait_seconds)
    tasks = [asyncio.create_task(writer.write(message(text), len(text))) for text in texts[:1]]
    for _ in range(3):
        await asyncio.sleep(0)
    tasks += [asyncio.create_task(writer.write(message(text), len(text))) for text in texts[1:]]
    await asyncio.sleep(0)
    return tasks


async def test_those_who_come_during_a_write_are_the_next_one_together():
    producer = HeldProducer()
    tasks = await started(producer, "a", "b", "c", "d")
    producer.go.set()
    await asyncio.gather(*tasks)
    assert producer.writes == [1, 3]
    assert [one.value for one in producer.topics["t"]] == [b"a", b"b", b"c", b"d"]


async def test_who_gave_up_before_its_turn_writes_nothing():
    producer = HeldProducer()
    tasks = await started(producer, "a", "b", "c")
    tasks[1].cancel()
    await asyncio.sleep(0)
    producer.go.set()
    await asyncio.gather(tasks[0], tasks[2])
    assert [one.value for one in producer.topics["t"]] == [b"a", b"c"]


async def test_a_record_that_is_refused_is_the_failure_of_its_writer_only():
    producer = HeldProducer()
    tasks = await started(producer, "a", "huge", "c")
    producer.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), RefusedError, type(None)]
    assert [one.value for one in producer.topics["t"]] == [b"a", b"c"]


async def test_without_kafka_everyone_is_told_and_the_next_write_is_tried():
    producer = MemoryProducer()
    producer.broken = True
    writer = JointWriter(partial(producer.write, "t"), "t", 10)
    for _ in range(2):
        with pytest.raises(KafkaUnavailableError):
            await writer.write(message("a"), 1)
    producer.broken = False
    await writer.write(message("b"), 1)
    assert [one.value for one in producer.topics["t"]] == [b"b"]


async def test_who_waits_behind_a_write_that_broke_is_written_at_once():
    producer = HeldProducer()
    tasks = await started(producer, "poison", "b", "c")
    producer.go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [KafkaUnavailableError, type(None), type(None)]
    assert [one.value for one in producer.topics["t"]] == [b"b", b"c"]


async def test_who_is_not_answered_in_time_is_told_and_writes_nothing_later():
    producer = HeldProducer()
    tasks = await started(producer, "a", "b", wait_seconds=0.2)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [KafkaUnavailableError] * 2
    writing = next(task for task in asyncio.all_tasks() if task.get_name() == "writer of t")
    producer.go.set()
    await writing
    assert [one.value for one in producer.topics["t"]] == [b"a"]


async def test_when_the_writer_is_stopped_nobody_waits():
    producer = HeldProducer()
    tasks = await started(producer, "a", "b")
    writing = next(task for task in asyncio.all_tasks() if task.get_name() == "writer of t")
    writing.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [KafkaUnavailableError] * 2


@pytest.mark.parametrize(("records", "size"), [(1, MOST_BYTES), (MOST_RECORDS, 1)])
async def test_whole_groups_go_beside_the_write_that_is_under_way_and_a_fourth_waits(records, size):
    producer = HeldProducer()
    writer = JointWriter(partial(producer.write, "t"), "t", 10, writes_at_once=3)
    tasks = [asyncio.create_task(writer.write(message("a"), 1))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for text in "bcde":
        tasks.append(asyncio.create_task(writer.write(message(text) * records, size)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert producer.writes == [1, records, records]
    producer.go.set()
    await asyncio.gather(*tasks)
    assert producer.writes == [1, *[records] * 4]
    assert len(producer.topics["t"]) == 1 + 4 * records


async def test_less_than_a_whole_group_waits_until_nothing_is_under_way():
    producer = HeldProducer()
    writer = JointWriter(partial(producer.write, "t"), "t", 10, writes_at_once=3)
    tasks = []
    for text, size in (("a", 1), ("b", MOST_BYTES), ("c", 1), ("d", 1)):
        tasks.append(asyncio.create_task(writer.write(message(text), size)))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    producer.go.set()
    await asyncio.gather(*tasks)
    assert producer.writes == [1, 1, 2]


async def test_who_comes_just_when_a_write_ends_does_not_wait_for_another():
    producer = MemoryProducer()
    writer = JointWriter(partial(producer.write, "t"), "t", 10)
    for text in "abc":
        async with asyncio.timeout(5):
            await writer.write(message(text), 1)
    assert [one.value for one in producer.topics["t"]] == [b"a", b"b", b"c"]
