"""The seats of a worker: its producers, each of which commits one round after the other (decision 0033).

One seat at a time is the next: it begins while the round of another is under way, as Kafka takes longer to let a
transaction begin than to commit one, and admits what waits when that round has ended. Under load it does not wait for
the end: half of the lanes write in its round while the other half is committed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition

from router.fanout.guarantees import Seat
from router.fanout.producing import Pace
from router.fanout.rounds import LOOK_SECONDS, MUCH_WAITS, Outputs, Round, RoundLostError, WaitingLanes

log = structlog.get_logger(__name__)

SEATS: Final = 2
FLOW_SECONDS: Final = 1.0
"""Rounds that follow one another within this time are a flow, in which the next is begun before anything waits."""
IDLE_SECONDS: Final = 3.0
"""How long a transaction is open in which nothing is written: far less than Kafka allows."""


class Seats:
    """All seats of a worker, and the lanes that wait for a round of one of them; `count` is told each outcome."""

    def __init__(self, seats: Sequence[Seat], count: Callable[[str], None]) -> None:
        self._seats = seats
        self._count = count
        self._waiting = WaitingLanes()
        self._next = asyncio.Lock()
        self._pace = Pace(seats[0].pace_seconds)
        self._under_way = 0
        self._round_ended = asyncio.Event()
        self._admitted_at = -FLOW_SECONDS
        self._flows = False
        self._lanes = 0
        self._tasks: list[asyncio.Task[None]] = []

    def writer(self, partition: TopicPartition) -> "RoundWriter":
        """Return the writer of a lane."""
        self._lanes += 1
        return RoundWriter(self, partition)

    async def start(self) -> None:
        """Connect, and decide what an earlier connection left open."""
        await asyncio.gather(*(seat.start() for seat in self._seats))
        if not self._tasks:
            self._tasks = [
                asyncio.create_task(self._serve(seat), name=f"round {number}")
                for number, seat in enumerate(self._seats)
            ]

    async def stop(self) -> None:
        """Disconnect; what is not committed is dropped."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(seat.stop() for seat in self._seats))

    async def settle(self) -> None:
        """Return once the offsets of everything that was written are committed."""
        await asyncio.gather(*(seat.settle() for seat in self._seats))

    async def enter(self, events: Callable[[], int]) -> Round:
        """Return the round that a lane with so many events has a place in; raises what keeps it from beginning."""
        return await self._waiting.enter(events)

    async def _serve(self, seat: Seat) -> None:
        while True:
            round_: Round | None = None
            try:
                round_ = await self._open(seat)
                if round_ is not None:
                    await seat.commit(round_)
                    round_.end()
                    self._count("committed")
            except asyncio.CancelledError as error:
                if round_ is not None:
                    round_.end(error)
                raise
            except Exception as error:  # noqa: BLE001 (whatever it is, the lanes must be told)
                log.warning("round.lost", error=repr(error))
                self._count("lost")
                self._flows = False
                await seat.stop()
                if round_ is not None:
                    round_.end(error)
                else:
                    self._waiting.refuse(error)
            finally:
                if round_ is not None:
                    self._under_way -= 1
                    self._round_ended.set()

    async def _open(self, seat: Seat) -> Round | None:
        async with self._next:
            producer = await self._begun(seat)
            await self._room()
            await self._pace.wait()
            round_ = self._waiting.admit(producer, -(-self._lanes // len(self._seats)))
            if round_ is None:
                await seat.rest()
            else:
                now = asyncio.get_running_loop().time()
                self._flows = now - self._admitted_at < FLOW_SECONDS
                self._admitted_at = now
                self._under_way += 1
            return round_

    async def _begun(self, seat: Seat) -> AIOKafkaProducer:
        """Return the producer of a seat that has begun, when something waits to be written."""
        if self._flows:
            producer = await seat.begin()
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._waiting.at_least(1)
            except TimeoutError:
                await seat.rest()
            else:
                return producer
        await self._waiting.at_least(1)
        return await seat.begin()

    async def _room(self) -> None:
        """Return when no round is under way, or so much waits that another beside it pays."""
        while self._under_way and not self._waiting.have(MUCH_WAITS):
            self._round_ended.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._round_ended.wait()


class RoundWriter:
    """Writes for one partition, together with the other lanes."""

    def __init__(self, seats: Seats, partition: TopicPartition) -> None:
        self._seats = seats
        self._partition = partition
        self._round: Round | None = None

    async def start(self) -> None:
        """Connect, and decide what an earlier connection left open."""
        await self._seats.start()

    async def stop(self) -> None:
        """Do nothing: others may write still."""

    async def turn(self, events: Callable[[], int]) -> None:
        """Return when a round begins."""
        self._round = await self._seats.enter(events)

    def leave(self) -> None:
        """Write nothing after all."""
        round_, self._round = self._round, None
        if round_ is not None:
            round_.leave()

    async def write(self, parts: AsyncIterator[Outputs], next_offset: int) -> None:
        """Write all parts in the round, and the source offset."""
        round_, self._round = self._round, None
        if round_ is None:
            raise RoundLostError("a write without a turn")
        await round_.write(self._partition, parts, next_offset)

    async def settle(self) -> None:
        """Return once the offset of everything that was written is committed."""
        await self._seats.settle()
