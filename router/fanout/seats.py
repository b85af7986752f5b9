"""Seats: the transactional producers of a worker, each of which commits one round after the other (decision 0033).

While there is little to do all lanes write in rounds of the first seat: a transaction costs Kafka as much as many
events. Under load half of them write in a round of one seat while the other half is committed in one of the other.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition

from router.fanout.producing import GROUP, STALLED_SECONDS, Pace, acknowledged, producer_settings, started, stop
from router.fanout.rounds import MUCH_WAITS, Round, RoundLostError, WaitingLanes
from router.fanout.writers import Outputs
from router.kafka.transaction_offsets import Member, commit_offsets
from router.kafka.transactions import begin_with_group

log = structlog.get_logger(__name__)

PACE_SECONDS = 0.02
"""Between the beginnings of two rounds of a seat."""
SEATS: Final = 2
TRANSACTION_SECONDS: Final = 20
"""When Kafka aborts what a worker has left open; it looks every 10 s, and partitions are given to others after 30 s."""


class Seat:
    """A transactional producer, made anew after each failure."""

    def __init__(self, bootstrap_servers: str, transactional_id: str) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._transactional_id = transactional_id
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()
        self._is_begun = False

    async def start(self) -> AIOKafkaProducer:
        """Connect, unless it is; InitProducerId decides what an earlier connection or process left open."""
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **producer_settings(self._bootstrap_servers),
                    # For a moment after a commit Kafka still writes its markers, and refuses the next transaction.
                    retry_backoff_ms=5,
                    transactional_id=self._transactional_id,
                    transaction_timeout_ms=TRANSACTION_SECONDS * 1000,
                )
                self._producer = await started(producer)
            return self._producer

    async def begin(self) -> AIOKafkaProducer:
        """Begin a transaction, unless one is begun and nothing is written in it."""
        producer = await self.start()
        if not self._is_begun:
            async with asyncio.timeout(STALLED_SECONDS):
                await begin_with_group(producer, GROUP)
            self._is_begun = True
        return producer

    async def commit(self, round_: Round, member: Member) -> None:
        """Commit what the lanes of a round write, with their offsets."""
        await round_.complete()
        self._is_begun = False
        # commit_transaction() does not notice a batch that failed: only its future tells.
        await acknowledged(round_.futures)
        # Not beside the records: Kafka asks about a transaction once at a time, and refuses who comes meanwhile.
        async with asyncio.timeout(STALLED_SECONDS):
            if round_.offsets:
                await commit_offsets(round_.producer, GROUP, member, round_.offsets)
        async with asyncio.timeout(STALLED_SECONDS):
            await round_.producer.commit_transaction()

    async def stop(self) -> None:
        """Disconnect; an open transaction is aborted by the next start."""
        async with self._connecting:
            producer, self._producer, self._is_begun = self._producer, None, False
            await stop(producer)


class Seats:
    """All seats of a worker, and the lanes that wait for a round of one of them; `count` is told each outcome."""

    def __init__(self, bootstrap_servers: str, instance: str, member: Member, count: Callable[[str], None]) -> None:
        self._member = member
        self._count = count
        self._seats = [Seat(bootstrap_servers, f"{GROUP}-{instance}-{number}") for number in range(SEATS)]
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
            least = (1, *[MUCH_WAITS] * (SEATS - 1))
            self._tasks = [
                asyncio.create_task(self._serve(seat, events), name=f"round {number}")
                for number, (seat, events) in enumerate(zip(self._seats, least, strict=True))
            ]

    async def stop(self) -> None:
        """Disconnect; what is not committed is dropped."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(seat.stop() for seat in self._seats))

    async def enter(self, events: Callable[[], int]) -> Round:
        """Return the round that a lane with so many events has a place in; raises what keeps it from beginning."""
        return await self._waiting.enter(events)

    async def _serve(self, seat: Seat, events: int) -> None:
        pace = Pace(PACE_SECONDS)
        while True:
            round_: Round | None = None
            try:
                round_ = await self._open(seat, events, pace)
                if round_ is not None:
                    await seat.commit(round_, self._member)
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
            return self._waiting.admit(producer, (self._lanes + 1) // SEATS)


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
        """Write all parts in the round's transaction, with the source offset."""
        round_, self._round = self._round, None
        if round_ is None:
            raise RoundLostError("a write without a turn")
        await round_.write(self._partition, parts, next_offset)

    async def settle(self) -> None:
        """Do nothing: a write that has returned is committed."""
