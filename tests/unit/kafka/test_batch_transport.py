"""What becomes of records that are fetched while partitions are assigned anew."""

import asyncio
from types import SimpleNamespace

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from router.kafka.batch_transport import BatchConsumer, Hooks
from tests.builders import a_record

PARTITION = TP("workspace.events", 1)
FETCHED = {PARTITION: [a_record(offset=5), a_record(offset=6)]}


class Consumer(BatchConsumer):
    """The pump over a consumer whose position moves on with each fetch, and goes back with each seek."""

    def __init__(self):
        self.committed, self.position, self.handed_on, self.meanwhile = 5, 5, [], None
        self._read_offset = {}
        self._thread = SimpleNamespace(seek_to_beginning=self._to_the_beginning, is_assigned=True)
        self.polled_at = 0.0
        self._seeks, self._seeking = 0, asyncio.Lock()
        self.flow_active = True
        self.app = SimpleNamespace(hooks=Hooks(quiesce=self._nothing, fence=self._nothing), consumer_generation_id=1)
        self.callback = self._take

    poll_once = BatchConsumer._poll_once  # noqa: SLF001 (it is the pump that is tested)

    async def _to_the_beginning(self, *partitions):
        assert partitions == (PARTITION,)
        self.position = 0

    async def _nothing(self, *_):
        await asyncio.sleep(0)

    async def _take(self, message):
        self.handed_on += [record.offset for record in message.value]

    def assignment(self):
        return {PARTITION}

    async def _wait_next_records(self, _timeout):
        if self.meanwhile is not None:
            await self.meanwhile()
        self.position = 7
        return FETCHED, {PARTITION}


@pytest.fixture
def consumer(monkeypatch):
    async def to_the_committed_offset(self):
        await asyncio.sleep(0)
        self._read_offset[PARTITION] = self.committed
        if self.committed:  # as aiokafka does it
            self.position = self.committed

    monkeypatch.setattr(driver.Consumer, "perform_seek", to_the_committed_offset)
    return Consumer()


async def test_what_was_fetched_is_handed_on(consumer):
    await consumer.poll_once()
    assert (consumer.handed_on, consumer.position) == ([5, 6], 7)


@pytest.mark.parametrize("is_assigned", [True, False])
async def test_a_poll_counts_when_the_group_has_given_partitions(consumer, is_assigned):
    consumer.thread.is_assigned = is_assigned
    await consumer.poll_once()
    assert bool(consumer.polled_at) is is_assigned


async def test_what_a_stopped_flow_fetched_is_read_again_after_the_seek_that_follows(consumer):
    async def stopped():
        consumer.flow_active = False

    consumer.meanwhile = stopped
    await consumer.poll_once()
    await consumer.perform_seek()
    assert (consumer.handed_on, consumer.position) == ([], 5)


@pytest.mark.parametrize("is_resumed", [True, False], ids=["when the flow is resumed", "before the flow resumes"])
async def test_what_was_fetched_across_a_seek_is_read_again(consumer, is_resumed):
    async def sought():
        consumer.flow_active = False
        await consumer.perform_seek()
        consumer.flow_active = is_resumed

    consumer.meanwhile = sought
    await consumer.poll_once()
    assert (consumer.handed_on, consumer.position) == ([], 5)


@pytest.mark.parametrize("committed", [None, 0])
async def test_what_was_fetched_across_a_seek_is_read_again_where_nothing_is_committed(consumer, committed):
    consumer.committed, consumer.meanwhile = committed, consumer.perform_seek
    await consumer.poll_once()
    assert (consumer.handed_on, consumer.position) == ([], 0)


async def test_what_was_fetched_during_a_seek_is_read_again_once_that_has_ended(consumer):
    seeking = []

    async def being_sought():
        seeking.append(asyncio.create_task(consumer.perform_seek()))
        await asyncio.sleep(0)

    consumer.meanwhile = being_sought
    await consumer.poll_once()
    assert seeking[0].done()
    assert (consumer.handed_on, consumer.position) == ([], 5)
