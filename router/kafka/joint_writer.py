"""Many who write a little at once: their records go to Kafka together, and each is told about its own."""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final, NamedTuple

from router.errors import KafkaUnavailableError, RefusedError
from router.kafka.producer import Message, Producer

MOST_RECORDS: Final = 4_000
"""Of several writers together; a single one may bring more."""
MOST_BYTES: Final = 1024 * 1024


class _Waiting(NamedTuple):
    messages: Sequence[Message]
    size: int
    written: asyncio.Future[None]


class JointWriter:
    """Writes to one topic. While a write is under way, those who come wait; then all of them go as the next one.

    So a single writer waits for nobody, and a thousand cost Kafka one request a partition.
    """

    def __init__(self, producer: Producer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._waiting: deque[_Waiting] = deque()
        self._task: asyncio.Task[None] | None = None

    async def write(self, messages: Sequence[Message], size: int) -> None:
        """Return once Kafka has acknowledged every record; whoever is cancelled before its turn writes nothing.

        `size` is about how many bytes they are.

        Raises:
            KafkaUnavailableError: not acknowledged in time; Kafka may still have some of them.
            RefusedError: a record is larger than its topic takes.
        """
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(messages, size, written))
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"writer of {self._topic}")
        await written

    async def _run(self) -> None:
        try:
            while self._waiting:
                await self._write(self._next_group())
        finally:
            self._task = None

    def _next_group(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        records = size = 0
        while self._waiting:
            first = self._waiting[0]
            if group and (records + len(first.messages) > MOST_RECORDS or size + first.size > MOST_BYTES):
                break
            self._waiting.popleft()
            if not first.written.done():  # else it was cancelled while it waited
                group.append(first)
                records += len(first.messages)
                size += first.size
        return group

    async def _write(self, group: list[_Waiting]) -> None:
        if not group:
            return
        try:
            await self._producer.write(self._topic, [message for one in group for message in one.messages])
        except RefusedError as error:
            if len(group) > 1:
                for one in group:
                    await self._write([one])
                return
            _fail(group, error)
        except KafkaUnavailableError as error:
            _fail(group, error)
        except BaseException as error:
            _fail(group, KafkaUnavailableError(f"the write broke: {type(error).__name__}"))
            raise
        else:
            for one in group:
                if not one.written.done():
                    one.written.set_result(None)


def _fail(group: list[_Waiting], error: Exception) -> None:
    for one in group:
        if not one.written.done():
            one.written.set_exception(error)
