"""Rounds: transactions that the lanes of a worker share (decision 0033).

Lanes that have something to write wait for a round; those that it admits write their parts, each in a task of its own,
and are told when it is committed.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from router.kafka.record_batches import Destination, OutRecord, send_batches

MUCH_WAITS = 1_000
"""So many waiting events are worth a transaction beside the one under way."""
LOOK_SECONDS = 0.01
"""How often to look whether so many wait by now."""


Outputs = Mapping[Destination, list[OutRecord]]


class RoundLostError(KafkaError):  # type: ignore[misc]  # aiokafka is untyped
    """The transaction of a round was not committed, or nobody knows whether it was."""


class Round:
    """One transaction: each of its lanes writes its part or leaves, and then it is committed."""

    def __init__(self, producer: AIOKafkaProducer, lanes: int) -> None:
        self.producer = producer
        self._owing = lanes
        self._failure: BaseException | None = None
        self._everybody_is_done = asyncio.Event()
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.futures: list[asyncio.Future[Any]] = []
        self.offsets: dict[TopicPartition, int] = {}

    async def write(self, partition: TopicPartition, parts: AsyncIterator[Outputs], next_offset: int) -> None:
        """Write a lane's part and return when the round is committed.

        Raises:
            RoundLostError: it is not committed, or that is not known.
        """
        try:
            async for outputs in parts:
                self._check()
                self.futures += await send_batches(self.producer, outputs)
        except BaseException as error:
            self._failure = self._failure or error
            raise
        else:
            self.offsets[partition] = next_offset
        finally:
            self.leave()
        await asyncio.shield(self._end)

    def leave(self) -> None:
        """Say that a lane has written all that it had to, or nothing."""
        self._owing -= 1
        if not self._owing:
            self._everybody_is_done.set()

    async def complete(self) -> None:
        """Return when all lanes have written.

        Raises:
            RoundLostError: one of them could not.
        """
        await self._everybody_is_done.wait()
        self._check()

    def end(self, error: BaseException | None = None) -> None:
        """Tell its lanes what became of it."""
        if self._end.done():
            return
        if error is None:
            self._end.set_result(None)
        else:
            lost = RoundLostError(repr(error))
            lost.__cause__ = error
            self._end.set_exception(lost)
            for future in (self._end, *self.futures):  # perhaps nobody waits for them any more
                future.add_done_callback(_looked_at)

    def _check(self) -> None:
        if self._failure is not None:
            raise RoundLostError(f"a lane could not write its part: {self._failure!r}")


def _looked_at(future: asyncio.Future[Any]) -> None:
    """Look at what a future ended with: asyncio reports what nobody has looked at."""
    if not future.cancelled():
        future.exception()


class WaitingLanes:
    """The lanes that have something to write, in the order in which they came."""

    def __init__(self) -> None:
        # How many events a lane has, by the future that waits for its round.
        self._lanes: dict[asyncio.Future[Round], Callable[[], int]] = {}
        self._changed = asyncio.Event()

    async def enter(self, events: Callable[[], int]) -> Round:
        """Return the round that a lane with so many events has a place in."""
        turn: asyncio.Future[Round] = asyncio.get_running_loop().create_future()
        self._lanes[turn] = events
        self._changed.set()
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                turn.result().leave()
            raise
        finally:
            self._lanes.pop(turn, None)

    async def at_least(self, events: int) -> None:
        """Return when lanes wait that have so many events together."""
        while not self.have(events):
            self._changed.clear()
            # What waits becomes more without a word.
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS if self._lanes else None):
                    await self._changed.wait()

    def have(self, events: int) -> bool:
        """Say whether lanes wait that have so many events together."""
        return bool(self._lanes) and sum(waiting() for waiting in self._lanes.values()) >= events

    def admit(self, producer: AIOKafkaProducer, most: int) -> Round | None:
        """Give the lanes that wait a round, not more than `most` of them if they have much; None if none waits."""
        turns = [turn for turn in self._lanes if not turn.done()]
        if self.have(MUCH_WAITS):
            turns = turns[:most]
        if not turns:
            return None
        round_ = Round(producer, len(turns))
        for turn in turns:
            del self._lanes[turn]
            turn.set_result(round_)
        return round_

    def refuse(self, error: Exception) -> None:
        """Tell the lanes that wait that there will be no round."""
        for turn in [turn for turn in self._lanes if not turn.done()]:
            turn.set_exception(error)
