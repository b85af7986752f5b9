"""Many who write a little at once: their records go to Kafka together, and each is told about its own."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

import msgspec
import structlog

from router.errors import KafkaUnavailableError, RefusedError, RouterError

log = structlog.get_logger(__name__)

MOST_RECORDS: Final = 4_000
"""Of several writers together; a single one may bring more."""
MOST_BYTES: Final = 1024 * 1024

Record = TypeVar("Record")


class _Waiting(msgspec.Struct, Generic[Record], frozen=True):
    records: Sequence[Record]
    size: int
    written: asyncio.Future[None]


class JointWriter(Generic[Record]):
    """Writes to one topic. While a write is under way, those who come wait; then all of them go as the next one.

    So a single writer waits for nobody, and a thousand cost Kafka one request a partition. Where several writes may be
    under way, those who are a whole group already go beside the others: waiting would not make them more.
    """

    def __init__(
        self,
        write: Callable[[Sequence[Record]], Awaitable[None]],
        topic: str,
        wait_seconds: float,
        writes_at_once: int = 1,
    ) -> None:
        self._write_records = write
        self._topic = topic
        self._writes_at_once = writes_at_once
        self._waiting: deque[_Waiting[Record]] = deque()
        self._waiting_records = 0
        self._waiting_bytes = 0
        self._writes: set[asyncio.Task[None]] = set()
        self._unanswered = _Unanswered(wait_seconds)

    async def write(self, records: Sequence[Record], size: int) -> None:
        """Return once Kafka has acknowledged every record; whoever gives up before its turn writes nothing.

        `size` is about how many bytes they are.

        Raises:
            KafkaUnavailableError: not acknowledged in time; Kafka may still have some of them.
            RefusedError: a record is larger than its topic takes.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(records, size, written))
        self._waiting_records += len(records)
        self._waiting_bytes += size
        self._unanswered.add(written)
        if self._is_time(len(self._writes)):
            task = asyncio.create_task(self._run(), name=f"writer of {self._topic}")
            self._writes.add(task)
        await written

    def _is_time(self, others: int) -> bool:
        """Say whether those who wait are to be written, beside so many other writes."""
        is_whole = self._waiting_records >= MOST_RECORDS or self._waiting_bytes >= MOST_BYTES
        return others == 0 or (others < self._writes_at_once and is_whole)

    async def _run(self) -> None:
        try:
            while self._waiting and self._is_time(len(self._writes) - 1):
                await self._write(self._next_group())
                self._unanswered.forget_those_done()
        except asyncio.CancelledError:
            self._waiting.clear()
            self._unanswered.fail(KafkaUnavailableError("the writer was stopped"))
            raise
        finally:
            # At once, not when the loop gets to it: who comes in between would wait for a write that is over.
            self._writes = {task for task in self._writes if task is not asyncio.current_task()}

    def _next_group(self) -> list[_Waiting[Record]]:
        group: list[_Waiting[Record]] = []
        count = size = 0
        while self._waiting:
            first = self._waiting[0]
            if group and (count + len(first.records) > MOST_RECORDS or size + first.size > MOST_BYTES):
                break
            self._waiting.popleft()
            self._waiting_records -= len(first.records)
            self._waiting_bytes -= first.size
            if not first.written.done():  # else it gave up while it waited
                group.append(first)
                count += len(first.records)
                size += first.size
        return group

    async def _write(self, group: list[_Waiting[Record]]) -> None:
        if not group:
            return
        error = await self._failure(group)
        if isinstance(error, RefusedError) and len(group) > 1:
            for one in group:
                if not one.written.done():
                    await self._write([one])
            return
        for one in group:
            if one.written.done():
                continue
            if error is None:
                one.written.set_result(None)
            else:
                one.written.set_exception(error)

    async def _failure(self, group: list[_Waiting[Record]]) -> RouterError | None:
        """Write the records of a group; return why that failed, or None."""
        try:
            await self._write_records([record for one in group for record in one.records])
        except (RefusedError, KafkaUnavailableError) as error:
            return error
        except Exception as error:
            # Those who come after are tried all the same: what broke may be in this group's records.
            log.exception("write.broke", topic=self._topic, writers=len(group))
            return KafkaUnavailableError(f"the write broke: {type(error).__name__}")
        return None


class _Unanswered:
    """Futures of writers; those not done in time fail. All have the same time, so one timer is enough for thousands."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._pending: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, future: asyncio.Future[None]) -> None:
        loop = future.get_loop()
        deadline = loop.time() + self._seconds
        self._pending.append((deadline, future))
        if self._timer is None:
            self._timer = loop.call_at(deadline, self._expire, loop)

    def forget_those_done(self) -> None:
        while self._pending and self._pending[0][1].done():
            self._pending.popleft()

    def fail(self, error: RouterError) -> None:
        for _, future in self._pending:
            if not future.done():
                future.set_exception(error)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        error = KafkaUnavailableError(f"Kafka did not acknowledge in {self._seconds:g} s")
        while self._pending and (self._pending[0][1].done() or self._pending[0][0] <= loop.time()):
            _, future = self._pending.popleft()
            if not future.done():
                future.set_exception(error)
        self._timer = loop.call_at(self._pending[0][0], self._expire, loop) if self._pending else None
