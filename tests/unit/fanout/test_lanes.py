import asyncio
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from router.errors import RefusedError
from router.fanout import lanes
from router.fanout.lanes import Lane, LaneLostError
from router.fanout.plan import Plan
from tests.builders import a_record
from tests.waiting import until

PARTITION = TopicPartition("workspace.events", 2)


class ScriptedKafka:
    """A writer and an owner whose Kafka keeps what is committed, and fails when the script says so."""

    def __init__(self, *script):
        self.script = list(script)
        self.may_write = asyncio.Event()
        self.may_write.set()
        self.refusals = []
        self.left = 0
        self.settled = None
        self.written = []
        self.offset = None
        self.starts = 0
        self.losses, self.failures = [], []
        self.counted = 0
        self.changed = asyncio.Condition()

    async def start(self):
        self.starts += 1

    async def stop(self):
        pass

    async def turn(self, events):
        assert events() > 0
        if self.refusals:
            raise self.refusals.pop()
        await self.may_write.wait()

    def leave(self):
        self.left += 1

    async def settle(self):
        self.settled = self.offset

    async def write(self, parts, next_offset):
        batches = [plan async for plan in parts]
        step = self.script.pop(0) if self.script else "ok"
        if step == "refused":
            raise KafkaConnectionError("gone before the commit")
        if step == "moved":
            self.offset = 7
            raise KafkaConnectionError("another owner committed")
        self.written += batches
        self.offset = next_offset
        async with self.changed:
            self.changed.notify_all()
        if step == "answer lost":
            raise KafkaConnectionError("gone after the commit")

    async def plan(self, batch):
        return Plan(outputs={("out", 0): [record.offset for record in batch]}, events=len(batch))

    def written_and_committed(self, plans):
        self.counted += sum(plan.events for plan in plans)
        self.notifying = asyncio.ensure_future(self.notify())

    async def notify(self):
        async with self.changed:
            self.changed.notify_all()

    async def committed(self, _partition):
        return self.offset

    async def lost(self, error):
        self.losses.append(error)
        async with self.changed:
            self.changed.notify_all()

    async def until(self, condition):
        async with self.changed:
            await asyncio.wait_for(self.changed.wait_for(condition), 5)

    @property
    def offsets(self):
        return [offset for outputs in self.written for offset in outputs["out", 0]]


class Owner:
    def __init__(self, kafka):
        self.plan, self.committed, self.lost = kafka.plan, kafka.committed, kafka.lost
        self.parts, self.failed = lambda batch: (batch,), kafka.failures.append
        self._kafka = kafka

    def written(self, plans, _batches):
        self._kafka.written_and_committed(plans)


@asynccontextmanager
async def a_lane(kafka, monkeypatch):
    monkeypatch.setattr(lanes, "RETRY_SECONDS", 0)
    lane = Lane(PARTITION, 1, kafka, Owner(kafka))
    await lane.start()
    try:
        yield lane
    finally:
        await lane.stop()


def a_batch(*offsets):
    return [a_record(offset=offset) for offset in offsets]


async def test_batches_are_written_in_order_and_counted_once(monkeypatch):
    kafka = ScriptedKafka()
    async with a_lane(kafka, monkeypatch) as lane:
        await lane.put(a_batch(0, 1))
        await lane.put(a_batch(2))
        await kafka.until(lambda: kafka.offset == 3)
    assert (kafka.offsets, kafka.counted) == ([0, 1, 2], 3)


async def test_what_is_waiting_goes_into_one_write(monkeypatch):
    kafka = ScriptedKafka()
    async with a_lane(kafka, monkeypatch) as lane:
        for offset in range(5):
            await lane.put(a_batch(offset))
        await kafka.until(lambda: kafka.offset == 5)
        assert len(kafka.script) == 0
    assert kafka.offsets == [0, 1, 2, 3, 4]


async def test_what_came_bit_by_bit_is_planned_together_and_what_is_large_in_parts(monkeypatch):
    monkeypatch.setattr(lanes, "MOST_AT_ONCE", 4)
    kafka = ScriptedKafka()
    async with a_lane(kafka, monkeypatch) as lane:
        for batch in ([0], [1, 2], [3], [4, 5, 6, 7, 8], [9]):
            await lane.put(a_batch(*batch))
        await kafka.until(lambda: kafka.offset == 10)
    assert [outputs["out", 0] for outputs in kafka.written] == [[0, 1, 2, 3], [4, 5, 6, 7, 8], [9]]


@asynccontextmanager
async def a_lane_whose_second_batch_waits(kafka, monkeypatch):
    async with a_lane(kafka, monkeypatch) as lane:
        await lane.put(a_batch(0))
        await kafka.until(lambda: kafka.offset == 1)
        kafka.may_write.clear()
        await lane.put(a_batch(1))
        await asyncio.sleep(0)
        yield lane


async def test_what_comes_while_a_lane_waits_for_its_turn_is_in_the_same_write(monkeypatch):
    kafka = ScriptedKafka(*["ok"] * 9)
    async with a_lane_whose_second_batch_waits(kafka, monkeypatch) as lane:
        for offset in range(2, 5):
            await lane.put(a_batch(offset))
            await asyncio.sleep(0)
        kafka.may_write.set()
        await kafka.until(lambda: kafka.offset == 5)
    assert (kafka.offsets, len(kafka.script)) == ([0, 1, 2, 3, 4], 9 - 2)


async def test_what_waits_for_its_turn_is_dropped_when_the_partition_is_given_up(monkeypatch):
    kafka = ScriptedKafka()
    async with a_lane_whose_second_batch_waits(kafka, monkeypatch) as lane:
        await lane.quiesce(1)
        assert not lane.is_busy
        kafka.may_write.set()
        await until(lambda: kafka.left)
    assert kafka.offset == 1


async def test_a_turn_that_does_not_come_is_sought_again_with_a_new_producer(monkeypatch):
    kafka = ScriptedKafka()
    kafka.refusals = [KafkaConnectionError("gone before it began"), TimeoutError()]
    async with a_lane(kafka, monkeypatch) as lane:
        await lane.put(a_batch(0))
        await kafka.until(lambda: kafka.offset == 1)
    assert (kafka.offsets, kafka.starts) == ([0], 3)


async def test_a_failed_write_is_repeated_with_a_new_producer(monkeypatch):
    kafka = ScriptedKafka("ok", "refused")
    async with a_lane(kafka, monkeypatch) as lane:
        await lane.put(a_batch(0))
        await kafka.until(lambda: kafka.offset == 1)
        await lane.put(a_batch(1, 2))
        await kafka.until(lambda: kafka.offset == 3)
    assert (kafka.offsets, kafka.starts, kafka.counted) == ([0, 1, 2], 2, 3)


async def test_a_commit_whose_answer_was_lost_is_not_repeated(monkeypatch):
    kafka = ScriptedKafka("answer lost", "refused")
    async with a_lane(kafka, monkeypatch) as lane:
        await lane.put(a_batch(0, 1))
        await kafka.until(lambda: kafka.offset == 2)
        await lane.put(a_batch(2))
        await kafka.until(lambda: kafka.offset == 3)
        await kafka.until(lambda: kafka.counted == 3)
    assert kafka.offsets == [0, 1, 2]


async def test_a_partition_that_somebody_else_moved_is_given_up(monkeypatch):
    kafka = ScriptedKafka("moved")
    async with a_lane(kafka, monkeypatch) as lane:
        await lane.put(a_batch(0))
        await kafka.until(lambda: kafka.losses)
    assert isinstance(kafka.losses[0], LaneLostError)
    assert kafka.written == []


async def test_a_topic_that_kafka_refuses_to_make_is_waited_for_and_said(monkeypatch):
    refusal, plan = RefusedError("Kafka refuses to make topic subscriber.a"), ScriptedKafka.plan
    mended = asyncio.Event()

    async def plan_once_it_is_mended(kafka, batch):
        if not mended.is_set():
            raise refusal
        return await plan(kafka, batch)

    monkeypatch.setattr(ScriptedKafka, "plan", plan_once_it_is_mended)
    kafka = ScriptedKafka()
    async with a_lane(kafka, monkeypatch) as lane:
        await lane.put(a_batch(0, 1))
        await until(lambda: len(kafka.failures) > 1)
        assert "subscriber.a" in lane.trouble
        mended.set()
        await kafka.until(lambda: kafka.counted == 2)
        assert (kafka.offsets, kafka.losses, lane.trouble) == ([0, 1], [], None)


async def test_where_a_topic_takes_little_events_are_planned_one_by_one(monkeypatch):
    kafka = ScriptedKafka()
    async with a_lane(kafka, monkeypatch) as lane:
        lane._owner.parts = lambda batch: [[record] for record in batch]  # noqa: SLF001
        await lane.put(a_batch(0, 1, 2))
        await kafka.until(lambda: kafka.counted == 3)
    assert [outputs["out", 0] for outputs in kafka.written] == [[0], [1], [2]]


async def test_a_bug_in_the_plan_ends_the_lane_rather_than_skip_a_batch(monkeypatch):
    kafka = ScriptedKafka()

    async def broken(_batch):
        raise ZeroDivisionError

    kafka.plan = broken
    async with a_lane(kafka, monkeypatch) as lane:
        await lane.put(a_batch(0))
        await kafka.until(lambda: kafka.losses)
    assert kafka.offset is None


async def test_after_quiesce_nothing_more_is_written(monkeypatch):
    kafka = ScriptedKafka()
    async with a_lane(kafka, monkeypatch) as lane:
        await lane.put(a_batch(0))
        await kafka.until(lambda: kafka.offset == 1)
        await lane.quiesce(1)
        for offset in range(1, 30):
            await lane.put(a_batch(offset))
    assert kafka.offsets == [0]


async def test_a_write_under_way_is_finished_by_quiesce(monkeypatch):
    kafka = ScriptedKafka()
    gate, reached = asyncio.Event(), asyncio.Event()
    write = kafka.write

    async def slow(parts, next_offset):
        reached.set()
        await gate.wait()
        await write(parts, next_offset)

    kafka.write = slow
    async with a_lane(kafka, monkeypatch) as lane:
        await lane.put(a_batch(0))
        await reached.wait()
        quiesced = asyncio.create_task(lane.quiesce(5))
        await asyncio.sleep(0)
        assert not quiesced.done()
        gate.set()
        await quiesced
        assert kafka.offset == 1
        assert kafka.settled == 1


async def test_a_full_lane_makes_its_feeder_wait(monkeypatch):
    kafka = ScriptedKafka()
    gate = asyncio.Event()
    write = kafka.write

    async def stuck(parts, next_offset):
        await gate.wait()
        await write(parts, next_offset)

    kafka.write = stuck
    async with a_lane(kafka, monkeypatch) as lane:
        for offset in range(lanes.QUEUED_BATCHES + 1):
            await lane.put(a_batch(offset))
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await lane.put(a_batch(99))
        gate.set()


async def test_events_wait_from_being_taken_to_being_committed_also_over_a_failure(monkeypatch):
    kafka = ScriptedKafka("refused")
    async with a_lane(kafka, monkeypatch) as lane:
        await lane.put([a_record(offset=offset) for offset in range(5)])
        assert lane.waiting == 5
        await kafka.until(lambda: kafka.counted == 5)
        assert lane.waiting == 0
