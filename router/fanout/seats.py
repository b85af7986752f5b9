"""The seats of a worker: its producers, each of which commits one round after the other (decision 0033).

While there is little to do all lanes write in rounds of the first seat: a transaction costs Kafka as much as many
events. Under load half of them write in a round of one seat while the other half is committed in one of the other.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

import structlog
from aiokafka import TopicPartition

from router.fanout.guarantees import Seat
from router.fanout.producing import Pace
from router.fanout.rounds import MUCH_WAITS, Outputs, Round, RoundLostError, WaitingLanes

log = structlog.get_logger(__name__)

SEATS: Final = 2


class Seats:
    """All seats of a worker, and the lanes that wait for a round of one of them; `count` is told each outcome."""

    def __init__(self, seats: Sequence[Seat], count: Callable[[str], None]) -> None:
        self._seats = seats
        self._count = count
        self._waiting = WaitingLanes()
        self._admitting = asyncio.Lock()
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
                asyncio.create_task(self._serve(seat, MUCH_WAITS if number else 1), name=f"round {number}")
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

    async def _serve(self, seat: Seat, events: int) -> None:
        pace = Pace(seat.pace_seconds)
        while True:
            round_: Round | None = None
            try:
                round_ = await self._open(seat, events, pace)
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
                await seat.stop()
                if round_ is not None:
                    round_.end(error)
                else:
                    self._waiting.refuse(error)

    async def _open(self, seat: Seat, events: int, pace: Pace) -> Round | None:
        await self._waiting.at_least(events)
        # One seat at a time: what waits is for whoever comes first.
        async with self._admitting:
            if not self._waiting.have(events):
                return None
            producer = await seat.begin()
            await pace.wait()
            return self._waiting.admit(producer, -(-self._lanes // len(self._seats)))


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
