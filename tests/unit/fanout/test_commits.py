import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from router.fanout import commits
from router.fanout.commits import CommitsBehind
from router.fanout.producing import Pace
from tests.waiting import until

ONE, OTHER = TopicPartition("workspace.events", 1), TopicPartition("workspace.events", 2)


class Coordinator:
    """Takes commits, one at a time, and refuses while it is away."""

    def __init__(self):
        self.committed = {}
        self.taken = 0
        self.away = False
        self.refused = 0
        self.busy = False

    async def commit(self, offsets):
        assert not self.busy
        if self.away:
            self.refused += 1
            raise KafkaConnectionError
        self.busy = True
        await asyncio.sleep(0.001)
        self.busy = False
        self.taken += 1
        self.committed |= offsets


@pytest.fixture
def coordinator(monkeypatch):
    monkeypatch.setattr(commits, "COMMIT_SECONDS", 0.01)
    return Coordinator()


@pytest.fixture
async def behind(coordinator):
    made = CommitsBehind(coordinator.commit)
    yield made
    await made.stop()


async def test_what_is_written_is_committed_behind_it_many_rounds_at_once(behind, coordinator):
    for offset in range(1, 101):
        behind.follow({ONE: offset, OTHER: offset + 1000})
    await until(lambda: coordinator.committed == {ONE: 100, OTHER: 1100})
    assert coordinator.taken <= 2
    behind.follow({ONE: 101})
    await until(lambda: coordinator.committed == {ONE: 101, OTHER: 1100})


async def test_after_catching_up_all_is_committed_and_nothing_twice(behind, coordinator):
    behind.follow({ONE: 1})
    behind.follow({ONE: 2})
    await asyncio.gather(behind.catch_up(), behind.catch_up())
    assert (coordinator.committed, coordinator.taken) == ({ONE: 2}, 1)


async def test_what_follows_during_a_commit_is_not_forgotten(behind, coordinator):
    behind.follow({ONE: 1})
    await until(lambda: coordinator.busy, look_seconds=0)
    behind.follow({ONE: 2})
    await until(lambda: coordinator.committed == {ONE: 2})


async def test_a_commit_that_failed_is_told_to_the_next_that_follows_and_can_be_made_good(behind, coordinator):
    coordinator.away = True
    behind.follow({ONE: 1})
    await until(lambda: coordinator.refused)
    with pytest.raises(KafkaConnectionError):
        behind.follow({ONE: 2})
    await behind.stop()
    with pytest.raises(KafkaConnectionError):
        await behind.catch_up()
    coordinator.away = False
    await behind.catch_up()
    assert coordinator.committed == {ONE: 2}


async def test_the_first_is_let_through_at_once_and_a_steady_flow_at_a_pace():
    pace = Pace(60)
    await pace.wait()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await pace.wait()
