"""How seats take turns; what they commit on a real Kafka is in tests/contract/test_seats.py."""

import asyncio
from collections import Counter

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from router.fanout import seats as seats_module
from router.fanout.rounds import MUCH_WAITS
from router.fanout.seats import Seats


class ScriptedSeat:
    """Does nothing but to remember what it was told; `gate` holds what it commits, and `fails` what it begins."""

    pace_seconds = 0.0

    def __init__(self):
        self.told = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = 0
        self.begun = False

    async def start(self):
        return self

    async def begin(self):
        if not self.begun:
            self.told.append("begin")
            if self.fails:
                self.fails -= 1
                raise KafkaConnectionError
            self.begun = True
        return self

    async def rest(self):
        if self.begun:
            self.told.append("rest")
            self.begun = False

    async def commit(self, round_):
        await round_.complete()
        self.begun = False
        await self.gate.wait()
        self.told.append("commit")

    async def settle(self):
        return

    async def stop(self):
        self.begun = False


class Stand:
    """Two scripted seats, and the lanes that write with them."""

    def __init__(self):
        self.seats = [ScriptedSeat(), ScriptedSeat()]
        self.outcomes = Counter()
        self.all = Seats(self.seats, lambda outcome: self.outcomes.update([outcome]))
        self.lanes = [self.all.writer(TopicPartition("t", number)) for number in range(2)]

    async def write(self, lane=0, events=1):
        writer = self.lanes[lane]
        await writer.turn(lambda: events)
        await writer.write(nothing(), 1)

    async def flow(self):
        """Let two rounds follow one another, and what comes of that settle."""
        await self.write()
        await self.write()
        await settled()


async def nothing():
    for outputs in ():
        yield outputs


async def settled():
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
async def stand():
    stand = Stand()
    await stand.all.start()
    yield stand
    await stand.all.stop()


async def test_nothing_is_begun_before_something_is_to_be_written(stand):
    await settled()
    assert [seat.told for seat in stand.seats] == [[], []]
    await stand.write()
    await settled()
    assert [seat.told for seat in stand.seats] == [["begin", "commit"], []]


async def test_in_a_flow_the_next_seat_begins_while_a_round_is_under_way(stand):
    await stand.flow()
    under_way = next(seat for seat in stand.seats if seat.begun)
    other = next(seat for seat in stand.seats if seat is not under_way)
    under_way.gate.clear()
    writing = asyncio.create_task(stand.write())
    await settled()
    assert under_way.told[-1] == "begin"
    assert other.told[-1] == "begin"
    under_way.gate.set()
    await writing
    assert stand.outcomes == {"committed": 3}


async def test_a_little_waits_for_the_round_that_is_under_way_and_much_does_not(stand):
    await stand.flow()
    under_way = next(seat for seat in stand.seats if seat.begun)
    under_way.gate.clear()
    first, second = asyncio.create_task(stand.write()), asyncio.create_task(stand.write(lane=1))
    await settled()
    assert not second.done()
    second.cancel()
    await asyncio.wait([asyncio.create_task(stand.write(lane=1, events=MUCH_WAITS))], timeout=5)
    assert stand.outcomes == {"committed": 3}
    assert not first.done()
    under_way.gate.set()
    await first


async def test_what_was_begun_rests_when_nothing_comes_and_begins_again_for_what_does(stand, monkeypatch):
    monkeypatch.setattr(seats_module, "IDLE_SECONDS", 0.01)
    await stand.flow()
    async with asyncio.timeout(10):
        while not any(seat.told[-1] == "rest" for seat in stand.seats):  # noqa: ASYNC110 (of another task)
            await asyncio.sleep(0.01)
    await stand.write()
    assert stand.outcomes == {"committed": 3}


async def test_who_cannot_begin_tries_again_only_when_something_waits(stand):
    await stand.flow()
    other = next(seat for seat in stand.seats if not seat.begun)
    other.fails = 1
    await stand.write()
    await settled()
    assert other.told[-1] == "begin"
    assert stand.outcomes == {"committed": 3, "lost": 1}
    told = [list(seat.told) for seat in stand.seats]
    await settled()
    assert [seat.told for seat in stand.seats] == told
    await stand.write()
    assert stand.outcomes == {"committed": 4, "lost": 1}


async def test_those_who_wait_are_told_when_nobody_can_begin(stand):
    for seat in stand.seats:
        seat.fails = 1
    with pytest.raises(KafkaConnectionError):
        await stand.write()
