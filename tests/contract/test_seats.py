"""Rounds on a real Kafka: what several lanes write is committed together, or not at all."""

import asyncio
import uuid
from collections import Counter
from contextlib import AsyncExitStack

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalGenerationError

from router.fanout import guarantees
from router.fanout.commits import CommitsBehind
from router.fanout.guarantees import IdempotentSeat, TransactionalSeat
from router.fanout.rounds import RoundLostError
from router.fanout.seats import SEATS, Seats
from router.kafka.admin import ensure_topics
from router.kafka.stable_offsets import stable_offset
from router.kafka.transaction_offsets import Member, member_of
from tests.waiting import until
from topics import WORKSPACE_EVENTS, Topic

pytestmark = pytest.mark.kafka

LANES = [TopicPartition(WORKSPACE_EVENTS.name, number) for number in range(WORKSPACE_EVENTS.partitions)]


class Group:
    """A member of the fan-out group, and what it and its like have committed for others to read."""

    def __init__(self, kafka, sink, consumer):
        self.kafka, self.sink, self.consumer = kafka, sink, consumer
        self.outcomes = Counter()
        self.instance = sink
        self.repeats = False

    @property
    def member(self):
        return member_of(self.consumer)

    def seats(self, member=None):
        def count(outcome):
            self.outcomes[outcome] += 1

        servers, member = self.kafka.bootstrap_servers, member or self.member
        made = [TransactionalSeat(servers, f"{self.instance}-{number}", member) for number in range(SEATS)]
        if self.repeats:
            commits = CommitsBehind(self.consumer.commit)
            made = [IdempotentSeat(servers, commits) for _ in range(SEATS)]
        return Seats(made, count)

    def part(self, value):
        async def parts():
            yield {(self.sink, 0): [(None, None, value, ())]}

        return parts()

    async def offsets(self):
        return [await stable_offset(self.consumer, lane) for lane in LANES]

    async def read(self):
        reader = AIOKafkaConsumer(
            bootstrap_servers=self.kafka.bootstrap_servers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
        )
        await reader.start()
        try:
            partition = TopicPartition(self.sink, 0)
            reader.assign([partition])
            (end,) = (await reader.end_offsets([partition])).values()
            values = []
            while await reader.position(partition) < end:
                for records in (await reader.getmany(timeout_ms=100)).values():
                    values += [record.value for record in records]
            return values
        finally:
            await reader.stop()


@pytest.fixture
async def group(kafka, monkeypatch):
    name = f"seats-{uuid.uuid4().hex[:8]}"
    monkeypatch.setattr(guarantees, "GROUP", name)
    await ensure_topics(kafka.bootstrap_servers, [WORKSPACE_EVENTS, Topic(name, "", "", 1, "delete", (), ())])
    async with AsyncExitStack() as cleanup:
        consumer = AIOKafkaConsumer(
            WORKSPACE_EVENTS.name, bootstrap_servers=kafka.bootstrap_servers, group_id=name, enable_auto_commit=False
        )
        await consumer.start()
        cleanup.push_async_callback(consumer.stop)
        await until(lambda: member_of(consumer).generation >= 0, 30)
        yield Group(kafka, name, consumer)


async def write(writer, parts, offset):
    await writer.turn(lambda: 1)
    await writer.write(parts, offset)


async def test_what_the_lanes_write_at_once_is_one_transaction_with_all_of_their_offsets(group):
    made = group.seats()
    writers = [made.writer(lane) for lane in LANES]
    await asyncio.gather(*(writer.start() for writer in writers))
    for turn in range(3):
        await asyncio.gather(*(write(one, group.part(b"%d" % turn), turn + 1) for one in writers))
    await made.stop()
    assert await group.offsets() == [3] * len(LANES)
    assert Counter(await group.read()) == {b"0": len(LANES), b"1": len(LANES), b"2": len(LANES)}
    assert group.outcomes == {"committed": 3}


async def test_when_one_lane_fails_nothing_of_the_round_is_there_and_all_can_write_it_again(group):
    async def broken():
        yield {(group.sink, 0): [(None, None, b"never", ())]}
        raise ZeroDivisionError

    made = group.seats()
    one, other = (made.writer(lane) for lane in LANES[:2])
    await asyncio.gather(one.start(), other.start())
    ends = await asyncio.gather(write(one, broken(), 1), write(other, group.part(b"never"), 1), return_exceptions=True)
    assert [type(end) for end in ends] == [ZeroDivisionError, RoundLostError]
    await asyncio.gather(one.start(), other.start())
    assert (await group.offsets())[:2] == [None, None]
    await asyncio.gather(write(one, group.part(b"1"), 1), write(other, group.part(b"2"), 1))
    await made.stop()
    assert (await group.offsets())[:2] == [1, 1]
    assert sorted(await group.read()) == [b"1", b"2"]
    assert group.outcomes == {"lost": 1, "committed": 1}


async def test_whoever_the_group_has_gone_on_without_commits_nothing(group):
    former = group.member._replace(generation=group.member.generation - 1)
    made = group.seats(former)
    writer = made.writer(LANES[0])
    await writer.start()
    with pytest.raises(RoundLostError, match=IllegalGenerationError.__name__):
        await write(writer, group.part(b"never"), 1)
    await made.stop()
    successor = group.seats()
    writer = successor.writer(LANES[0])
    await writer.start()
    assert (await group.offsets())[0] is None
    await write(writer, group.part(b"once"), 1)
    await successor.stop()
    assert await group.read() == [b"once"]


async def test_whoever_is_no_member_at_all_commits_nothing(group):
    made = group.seats(Member(-1, "", None))
    writer = made.writer(LANES[0])
    await writer.start()
    with pytest.raises(RoundLostError):
        await write(writer, group.part(b"never"), 1)
    await made.stop()


async def test_what_a_killed_worker_left_open_is_dropped_when_it_starts_again(group):
    killed = group.seats()
    writer = killed.writer(LANES[0])
    await writer.start()
    gate, reached = asyncio.Event(), asyncio.Event()

    async def stuck():
        yield {(group.sink, 0): [(None, None, b"never", ())]}
        reached.set()
        await gate.wait()

    unfinished = asyncio.create_task(write(writer, stuck(), 1))
    await reached.wait()
    again = group.seats()
    writer = again.writer(LANES[0])
    await writer.start()
    await write(writer, group.part(b"once"), 1)
    gate.set()
    with pytest.raises(RoundLostError):
        await unfinished
    await killed.stop()
    await again.stop()
    assert await group.read() == [b"once"]
    assert (await group.offsets())[0] == 1


async def test_at_least_once_the_offsets_of_all_lanes_follow_what_they_wrote(group):
    group.repeats = True
    made = group.seats()
    writers = [made.writer(lane) for lane in LANES]
    await asyncio.gather(*(writer.start() for writer in writers))
    for turn in range(3):
        await asyncio.gather(*(write(one, group.part(b"%d" % turn), turn + 1) for one in writers))
    await writers[0].settle()
    assert await group.offsets() == [3] * len(LANES)
    await made.stop()
    assert Counter(await group.read()) == {b"0": len(LANES), b"1": len(LANES), b"2": len(LANES)}
    assert group.outcomes == {"committed": 3}


async def test_lanes_with_much_to_write_have_rounds_side_by_side(group):
    made = group.seats()
    writers = [made.writer(lane) for lane in LANES]
    await asyncio.gather(*(writer.start() for writer in writers))
    gate = asyncio.Event()
    under_way = []

    async def slow(number):
        under_way.append(number)
        await gate.wait()
        yield {(group.sink, 0): [(None, None, b"%d" % number, ())]}

    async def much(number):
        await writers[number].turn(lambda: 10_000)
        await writers[number].write(slow(number), 1)

    writes = [asyncio.create_task(much(number)) for number in range(len(LANES))]
    await until(lambda: len(under_way) == len(LANES), 20)
    gate.set()
    await asyncio.gather(*writes)
    await made.stop()
    assert await group.offsets() == [1] * len(LANES)
    assert group.outcomes == {"committed": SEATS}
