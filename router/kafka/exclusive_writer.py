"""Writing in turns: several processes write to one topic, and none overwrites what it has not read (decision 0026).

Kafka keeps the turns: of all producers with one transactional id only the newest can commit. Whoever takes the turn
shuts the former writer out, with what it had not committed, and then reads the topic to its end. From there on nothing
is in the topic that it does not know, until somebody takes the turn away, which the next commit notices.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import uniform
from typing import Any, Final, NamedTuple, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerFenced

from router.errors import ConflictError, KafkaUnavailableError, RefusedError
from router.kafka.connection import connection
from router.kafka.ends import EndOffsets
from router.kafka.producer import Message
from router.kafka.reading import is_committed
from topics import MAX_MESSAGE_BYTES

log = structlog.get_logger(__name__)

WRITE_SECONDS: Final = 10.0
STOP_SECONDS: Final = 5.0
TRANSACTION_MS: Final = 10_000
"""A process that dies in the middle of a write keeps the topic's readers waiting so long at most."""
MOST_TOGETHER: Final = 500
SHORTEST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 0.5
"""Seconds to wait before taking back a turn that was taken away: who has it shall get something done."""


class ChangedMeanwhileError(ConflictError):
    """What a write was to replace is not there any more: somebody else was faster."""


class Follower(Protocol):
    """What is asked of the reader of the same topic."""

    async def wait_for(self, offset: int) -> None:
        """Return once the record at `offset` is known; raises TimeoutError."""
        ...


class _Waiting(NamedTuple):
    messages: Sequence[Message]
    still: Callable[[], bool]
    written: asyncio.Future[None]


class _UndecidedError(Exception):
    """Kafka has the records up to `offset`, and did not say whether they are committed."""

    def __init__(self, offset: int) -> None:
        super().__init__(offset)
        self.offset = offset


class _LostTurns(logging.Filter):
    """Keeps out of the log what aiokafka leaves behind of a lost turn: a future that nobody can look at."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.exc_info is None or not isinstance(record.exc_info[1], ProducerFenced)


_LOST_TURNS: Final = _LostTurns()


class ExclusiveWriter:
    """Writes to one topic of one partition, on conditions; who comes during a write waits and goes with the others."""

    def __init__(self, bootstrap_servers: str, topic: str, follower: Follower, ends: EndOffsets) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._topic = topic
        self._follower = follower
        self._ends = ends
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None
        self._producer: Any = None
        logging.getLogger("asyncio").addFilter(_LOST_TURNS)

    async def write(self, messages: Sequence[Message], still: Callable[[], bool]) -> None:
        """Write records if `still` says so, and return once the follower knows them.

        `still` compares what the follower knows with what was read from it before. It is asked again as soon as more is
        known, so that nothing counts that was written on an old answer.

        Raises:
            ChangedMeanwhileError: it did not say so; nothing was written.
            KafkaUnavailableError: not acknowledged in time; Kafka may still have them.
            RefusedError: a record is larger than the topic takes.
            TimeoutError: they were written, but could not be read back in time.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(messages, still, written))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"writer of {self._topic}")
        await written

    async def stop(self) -> None:
        """Finish what is under way, then disconnect."""
        if self._task is not None:
            with suppress(Exception):
                await asyncio.wait_for(self._task, STOP_SECONDS)
        await self._give_up_turn()

    async def _run(self) -> None:
        try:
            while self._waiting:
                group = [self._waiting.popleft() for _ in range(min(len(self._waiting), MOST_TOGETHER))]
                await self._settle(group)
        finally:
            self._task = None

    async def _settle(self, group: list[_Waiting]) -> None:
        """Write a group and tell each of its members how it went."""
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                offset = await self._written(group)
        except RefusedError as error:
            if len(group) > 1:
                for one in group:
                    await self._settle([one])
            else:
                _fail(group, error)
        except (KafkaError, KafkaUnavailableError, TimeoutError, OSError) as error:
            await self._give_up_turn()
            _fail(group, KafkaUnavailableError(f"Kafka at {self._bootstrap_servers} did not take the write: {error!r}"))
        except BaseException as error:
            await self._give_up_turn()
            _fail(group, KafkaUnavailableError(f"the write broke: {type(error).__name__}"))
            raise
        else:
            await self._read_back(group, offset)

    async def _written(self, group: list[_Waiting]) -> int | None:
        """Return the last offset of what was written, None when nothing of it was to be written."""
        pause, undecided = SHORTEST_PAUSE, None
        while True:
            try:
                producer = await self._take_turn()
                # Whoever takes a turn decides what the former one left undecided.
                if undecided is not None and await is_committed(self._bootstrap_servers, self._topic, undecided):
                    return undecided
                undecided = None
                # If the turn was lost meanwhile, this is an old answer: then the commit fails, and all are asked again.
                wanted = [one for one in group if not one.written.done() and _holds(one)]
                return await self._commit(producer, [message for one in wanted for message in one.messages])
            except ProducerFenced:
                log.info("writer.turn_taken", topic=self._topic)
            except _UndecidedError as error:
                undecided = error.offset
                log.info("writer.commit_undecided", topic=self._topic, error=repr(error.__cause__))
            await self._give_up_turn()
            await asyncio.sleep(uniform(SHORTEST_PAUSE, pause))  # noqa: S311 (no secret)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _commit(self, producer: Any, messages: Sequence[Message]) -> int | None:  # noqa: ANN401 (untyped)
        if not messages:
            return None
        await producer.begin_transaction()
        try:
            sent = [await producer.send(self._topic, key=one.key, value=one.value, partition=0) for one in messages]
        except MessageSizeTooLargeError as error:
            await producer.abort_transaction()
            raise RefusedError(f"a record is too large for topic {self._topic}: {error}") from error
        # The commit goes after the records by itself, but does not notice one that failed: only its future tells.
        *records, committed = await asyncio.gather(*sent, producer.commit_transaction(), return_exceptions=True)
        failed = [one for one in records if isinstance(one, BaseException)]
        if not failed:
            offset = max(int(one.offset) for one in records if not isinstance(one, BaseException))
            if not isinstance(committed, BaseException):
                return offset
            if isinstance(committed, KafkaError):
                raise _UndecidedError(offset) from committed
        errors = [*failed, *([committed] if isinstance(committed, BaseException) else [])]
        raise next((one for one in errors if isinstance(one, ProducerFenced)), errors[0])

    async def _take_turn(self) -> Any:  # noqa: ANN401 (aiokafka is untyped)
        if self._producer is None:
            producer = AIOKafkaProducer(
                **connection(self._bootstrap_servers),
                transactional_id=f"router-writer-{self._topic}",
                transaction_timeout_ms=TRANSACTION_MS,
                acks="all",
                max_request_size=MAX_MESSAGE_BYTES,
                request_timeout_ms=int(WRITE_SECONDS * 1000),
                retry_backoff_ms=20,
            )
            try:
                await producer.start()
                ends = await self._ends.of([self._topic])
                await self._follower.wait_for(ends[self._topic] - 1)
            except BaseException:
                await _stopped(producer)
                raise
            self._producer = producer
        return self._producer

    async def _give_up_turn(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            await _stopped(producer)

    async def _read_back(self, group: list[_Waiting], offset: int | None) -> None:
        try:
            if offset is not None:
                await self._follower.wait_for(offset)
        except TimeoutError as error:
            # What the follower does not know, conditions would not see.
            await self._give_up_turn()
            _fail(group, error)
        else:
            for one in group:
                if not one.written.done():
                    one.written.set_result(None)


def _holds(one: _Waiting) -> bool:
    """Ask the condition of a write, and tell who waits for it when it does not hold."""
    if one.still():
        return True
    one.written.set_exception(ChangedMeanwhileError("It was changed meanwhile by somebody else."))
    return False


def _fail(group: list[_Waiting], error: Exception) -> None:
    for one in group:
        if not one.written.done():
            one.written.set_exception(error)


async def _stopped(producer: Any) -> None:  # noqa: ANN401 (aiokafka is untyped)
    # stop() waits for what is in flight, which never ends while the broker is gone.
    with suppress(Exception):
        await asyncio.wait_for(producer.stop(), STOP_SECONDS)
