"""Outbox: records on their way to Kafka in batches, each batch tried until Kafka has it."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import structlog

from router.errors import KafkaUnavailableError, RefusedError
from router.kafka.producer import Message, Producer

log = structlog.get_logger(__name__)

BATCH_BYTES: Final = 256 * 1024
"""What is written together: enough for whole record batches, and acknowledged soon."""
GATHER_SECONDS: Final = 0.05
"""How long the first of a batch waits for others: written alone, each would cost a request to Kafka."""

_OVERHEAD_BYTES: Final = 400
"""Key and headers of a record, about."""
_FIRST_PAUSE_SECONDS: Final = 0.1
_LONGEST_PAUSE_SECONDS: Final = 5.0

Addressed = tuple[str, Message]
"""A record and the topic it goes to."""


class _Entry(NamedTuple):
    records: Sequence[Addressed]
    size: int
    written: Callable[[], None]


class Outbox:
    """Takes records without waiting; calls back once all of an entry's records are acknowledged.

    While Kafka is gone it keeps trying. A batch whose acknowledgement got lost is written again, so that readers may
    see a record twice, but none is missing.
    """

    def __init__(self, producer: Producer) -> None:
        self._producer = producer
        self._entries: deque[_Entry] = deque()
        self._waiting_bytes = 0
        self._in_hand = 0
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        """The number of entries that are not acknowledged yet."""
        return len(self._entries) + self._in_hand

    def put(self, records: Sequence[Addressed], written: Callable[[], None]) -> None:
        """Take an entry; `written` is called once every record of it is acknowledged."""
        size = sum(len(message.value or b"") for _topic, message in records) + _OVERHEAD_BYTES * len(records)
        self._entries.append(_Entry(records, size, written))
        self._waiting_bytes += size
        self._filled.set()

    async def run(self) -> None:
        """Write until cancelled; what is not acknowledged by then is not called back.

        Several may run beside one another: then batches need not wait for the acknowledgements of others.
        """
        while True:
            await self._filled.wait()
            if not self._entries:
                self._filled.clear()
                continue
            if self._waiting_bytes < BATCH_BYTES:
                await asyncio.sleep(GATHER_SECONDS)
                if not self._entries:  # another writer has taken them
                    continue
            batch = self._next_batch()
            self._in_hand += len(batch)
            await self._write(batch)
            self._in_hand -= len(batch)
            for entry in batch:
                entry.written()

    def _next_batch(self) -> list[_Entry]:
        batch = [self._entries.popleft()]
        size = batch[0].size
        while self._entries and size + self._entries[0].size <= BATCH_BYTES:
            batch.append(self._entries.popleft())
            size += batch[-1].size
        self._waiting_bytes -= size
        return batch

    async def _write(self, batch: list[_Entry]) -> None:
        by_topic: defaultdict[str, list[Message]] = defaultdict(list)
        for entry in batch:
            for topic, message in entry.records:
                by_topic[topic].append(message)
        await asyncio.gather(*(self._write_to(topic, messages) for topic, messages in by_topic.items()))

    async def _write_to(self, topic: str, messages: Sequence[Message]) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                await self._producer.write(topic, messages)
            except KafkaUnavailableError as error:
                log.warning("outbox.waiting", topic=topic, records=len(messages), error=error.message)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
            except RefusedError as error:
                await self._refused(topic, messages, error)
                return
            else:
                return

    async def _refused(self, topic: str, messages: Sequence[Message], error: RefusedError) -> None:
        """Write the others of a batch of which Kafka will never take one."""
        if len(messages) == 1:
            log.error("outbox.refused", topic=topic, error=error.message)
            return
        for message in messages:
            await self._write_to(topic, (message,))
