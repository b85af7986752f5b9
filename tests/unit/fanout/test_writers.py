import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from router.fanout import writers
from router.fanout.producing import Pace
from router.fanout.writers import IdempotentWriter
from tests.waiting import until

PARTITION = TopicPartition("workspace.events", 2)


class Coordinator:
    """Takes commits, and refuses while it is away."""

    def __init__(self):
        self.committed = []
        self.away = False
        self.refused = 0

    async def commit(self, partition, offset):
        assert partition == PARTITION
        if self.away:
            self.refused += 1
            raise KafkaConnectionError
        self.committed.append(offset)


class Producer:
    """Acknowledges everything."""

    def __init__(self, **_settings):
        pass

    async def start(self):
        pass

    async def stop(self):
        pass


async def nothing():
    for part in ():
        yield part


@pytest.fixture
def coordinator(monkeypatch):
    monkeypatch.setattr(writers, "AIOKafkaProducer", Producer)
    monkeypatch.setattr(writers, "COMMIT_SECONDS", 0.01)
    return Coordinator()


@pytest.fixture
async def writer(coordinator):
    made = IdempotentWriter("127.0.0.1:1", PARTITION, coordinator.commit)
    await made.start()
    yield made
    await made.stop()


async def test_what_is_written_is_committed_behind_it_many_writes_at_once(writer, coordinator):
    for offset in range(1, 101):
        await writer.write(nothing(), offset)
    await until(lambda: coordinator.committed[-1:] == [100])
    assert len(coordinator.committed) <= 2
    await writer.write(nothing(), 101)
    await until(lambda: coordinator.committed[-1:] == [101])


async def test_a_turn_comes_at_once_after_a_pause_and_later_in_a_steady_flow(writer, monkeypatch):
    monkeypatch.setattr(writer, "_pace", Pace(60))
    await writer.turn(lambda: 1)
    writer.leave()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await writer.turn(lambda: 1)


async def test_settled_is_what_is_committed(writer, coordinator):
    await writer.write(nothing(), 1)
    await writer.write(nothing(), 2)
    await writer.settle()
    assert coordinator.committed[-1] == 2
    await writer.settle()
    assert coordinator.committed.count(2) == 1


async def test_a_commit_that_failed_is_told_by_the_next_write_and_made_good_by_a_new_start(writer, coordinator):
    coordinator.away = True
    await writer.write(nothing(), 1)
    await until(lambda: coordinator.refused)
    with pytest.raises(KafkaConnectionError):
        await writer.write(nothing(), 2)
    await writer.stop()
    with pytest.raises(KafkaConnectionError):
        await writer.start()
    coordinator.away = False
    await writer.start()
    assert coordinator.committed == [2]
