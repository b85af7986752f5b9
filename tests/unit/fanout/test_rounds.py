"""Lanes and the rounds that they write in; what a round does to Kafka is in tests/contract/test_seats.py."""

import asyncio
import gc

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import MessageSizeTooLargeError, ProducerFenced

from router.fanout.rounds import MUCH_WAITS, Round, RoundLostError, WaitingLanes

PARTITIONS = [TopicPartition("workspace.events", number) for number in range(4)]


async def nothing():
    for part in ():
        yield part


async def a_broken_part():
    raise ZeroDivisionError
    yield {}


async def waiting(*events):
    lanes = WaitingLanes()
    entered = [asyncio.create_task(lanes.enter(lambda count=count: count)) for count in events]
    await asyncio.sleep(0)
    return lanes, entered


async def test_all_that_wait_are_in_one_round():
    lanes, entered = await waiting(1, 1, 1, 1)
    round_ = lanes.admit(None, 2)
    assert await asyncio.gather(*entered) == [round_] * 4
    assert lanes.admit(None, 2) is None


async def test_those_who_have_much_are_admitted_in_the_order_in_which_they_came():
    lanes, entered = await waiting(MUCH_WAITS, 1, 1)
    first = lanes.admit(None, 2)
    assert await asyncio.gather(*entered[:2]) == [first, first]
    assert not entered[2].done()
    second = lanes.admit(None, 2)
    assert await entered[2] is second is not first


async def test_a_seat_waits_until_enough_waits_for_it():
    counts = [1, 1]
    lanes = WaitingLanes()
    enough = asyncio.create_task(lanes.at_least(10))
    entered = [asyncio.create_task(lanes.enter(lambda at=at: counts[at])) for at in (0, 1)]
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(enough), 0.05)
    counts[1] = 9  # nobody says so
    await asyncio.wait_for(enough, 5)
    lanes.admit(None, 2)
    await asyncio.gather(*entered)


async def test_a_round_is_complete_when_every_lane_has_written_or_left():
    round_ = Round(None, 3)
    complete = asyncio.create_task(round_.complete())
    writes = [
        asyncio.create_task(round_.write(partition, nothing(), offset))
        for offset, partition in enumerate(PARTITIONS[:2])
    ]
    await asyncio.sleep(0)
    assert not complete.done()
    round_.leave()
    await complete
    assert round_.offsets == {PARTITIONS[0]: 0, PARTITIONS[1]: 1}
    assert not any(write.done() for write in writes)
    round_.end()
    await asyncio.gather(*writes)


async def test_of_a_round_in_which_one_cannot_write_nothing_is_committed():
    round_ = Round(None, 2)
    broken = asyncio.create_task(round_.write(PARTITIONS[0], a_broken_part(), 1))
    other = asyncio.create_task(round_.write(PARTITIONS[1], nothing(), 1))
    with pytest.raises(RoundLostError):
        await round_.complete()
    round_.end(RoundLostError("lost"))
    with pytest.raises(ZeroDivisionError):
        await broken
    with pytest.raises(RoundLostError):
        await other


async def test_what_kafka_refused_is_told_to_the_lanes_of_a_round_and_asyncio_has_nothing_to_report():
    reported = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: reported.append(context["message"]))
    round_ = Round(None, 1)
    write = asyncio.create_task(round_.write(PARTITIONS[0], nothing(), 1))
    await round_.complete()
    refused = asyncio.get_running_loop().create_future()
    round_.futures.append(refused)
    round_.end(MessageSizeTooLargeError())
    refused.set_exception(ProducerFenced())
    with pytest.raises(RoundLostError) as lost:
        await write
    assert isinstance(lost.value.__cause__, MessageSizeTooLargeError)
    await asyncio.sleep(0)
    del refused, round_, write
    gc.collect()
    assert not reported


async def test_a_lane_that_ends_before_its_round_began_is_not_waited_for():
    lanes, entered = await waiting(1, 1)
    entered[0].cancel()
    await asyncio.gather(entered[0], return_exceptions=True)
    round_ = lanes.admit(None, 2)
    assert await entered[1] is round_
    round_.leave()
    await asyncio.wait_for(round_.complete(), 5)


async def test_a_lane_that_ends_as_its_round_begins_is_not_waited_for():
    lanes, entered = await waiting(1)
    round_ = lanes.admit(None, 2)
    entered[0].cancel()
    await asyncio.wait_for(round_.complete(), 5)


async def test_a_lane_that_ends_while_it_writes_takes_the_round_with_it():
    round_, gate = Round(None, 1), asyncio.Event()

    async def endless():
        await gate.wait()
        yield {}

    write = asyncio.create_task(round_.write(PARTITIONS[0], endless(), 1))
    await asyncio.sleep(0)
    write.cancel()
    with pytest.raises(RoundLostError):
        await round_.complete()


async def test_when_no_round_can_begin_all_that_wait_are_told():
    lanes, entered = await waiting(1, 1)
    lanes.refuse(TimeoutError("Kafka is away"))
    assert [type(one) for one in await asyncio.gather(*entered, return_exceptions=True)] == [TimeoutError] * 2
    assert not lanes.have(0)
