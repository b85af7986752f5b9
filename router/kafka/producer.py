"""Producer: records out, acknowledged by every in-sync replica before `send` returns."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from itertools import zip_longest
from operator import itemgetter
from random import randrange
from typing import Any, NamedTuple, Protocol, TypeVar

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    ProducerClosed,
    ProducerFenced,
)

from router.errors import KafkaUnavailableError, RefusedError
from router.kafka.connection import connection, hint_when_nobody_answers
from router.kafka.partitioning import partition_of
from router.kafka.ready_batches import batches_of, check_sizes
from router.kafka.ready_records import ReadyRecord
from router.kafka.record_batches import BATCH_BYTES, OutRecord, send_batches
from topics import MAX_MESSAGE_BYTES

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

STOP_SECONDS = 10.0


class Message(NamedTuple):
    """One record to be written; headers are a sequence of name and bytes."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class Position(NamedTuple):
    """Where Kafka put a record."""

    partition: int
    offset: int


class Producer(Protocol):
    """What the stages need of a producer; `KafkaProducer` and `MemoryProducer` are two."""

    async def send(self, topic: str, message: Message) -> Position:
        """Write one record and return once it is acknowledged."""
        ...

    async def send_all(self, topic: str, messages: Iterable[Message]) -> list[Position]:
        """Write records and return once all of them are acknowledged."""
        ...

    async def write(self, topic: str, messages: Sequence[Message]) -> None:
        """Write many records and return once all of them are acknowledged; nobody learns where they are."""
        ...

    async def write_ready(self, topic: str, records: Sequence[ReadyRecord]) -> None:
        """Write many records that are bytes already and return once all of them are acknowledged."""
        ...


class KafkaProducer:
    """An idempotent aiokafka producer that is made anew after an error from which aiokafka does not recover."""

    def __init__(self, bootstrap_servers: str, *, timeout_seconds: float = 30.0, linger_ms: int = 0) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._timeout = timeout_seconds
        self._linger_ms = linger_ms
        self._producer: Any = None
        # Only one task may replace a broken producer; the others wait for the new one.
        self._starting = asyncio.Lock()
        self._handing_over = asyncio.Lock()

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaUnavailableError: no broker answers.
        """
        await self._running()

    async def stop(self) -> None:
        """Write what is waiting, then disconnect; without Kafka, only disconnect."""
        producer, self._producer = self._producer, None
        if producer:
            with suppress(TimeoutError):
                async with asyncio.timeout(STOP_SECONDS):
                    await producer.stop()

    async def send(self, topic: str, message: Message) -> Position:
        """Write one record and return once it is acknowledged.

        Raises:
            KafkaUnavailableError: not acknowledged in time; Kafka may still have it, or get it later.
            RefusedError: the record is larger than its topic takes.
        """
        return (await self.send_all(topic, (message,)))[0]

    async def send_all(self, topic: str, messages: Iterable[Message]) -> list[Position]:
        """Write records and return once all of them are acknowledged; errors as for `send`."""

        async def sent(producer: AIOKafkaProducer) -> list[Position]:
            waiting = [await producer.send(topic, key=m.key, value=m.value, headers=list(m.headers)) for m in messages]
            return [Position(meta.partition, meta.offset) for meta in await asyncio.gather(*waiting)]

        return await self._acknowledged(topic, sent)

    async def write(self, topic: str, messages: Sequence[Message]) -> None:
        """Write many records as whole batches, at a fraction of the cost of `send_all`; errors as for `send`."""

        async def written(producer: AIOKafkaProducer) -> None:
            count = len(await producer.partitions_for(topic))
            outputs: defaultdict[int, list[OutRecord]] = defaultdict(list)
            now = time.time_ns() // 1_000_000
            for key, value, headers in messages:
                partition = randrange(count) if key is None else partition_of(key, count)  # noqa: S311 (no secret)
                outputs[partition].append((now, key, value, headers))
            batches = {(topic, partition): records for partition, records in outputs.items()}
            await asyncio.gather(*await send_batches(producer, batches))

        await self._acknowledged(topic, written)

    async def write_ready(self, topic: str, records: Sequence[ReadyRecord]) -> None:
        """Write many records that are bytes already, at a fraction of the cost of `write`; errors as for `send`.

        A record that is too large is refused before any of them is sent.
        """

        async def written(producer: AIOKafkaProducer) -> None:
            await producer.client.add_topic(topic)
            outputs = _by_partition(records, len(await producer.partitions_for(topic)))
            now = time.time_ns() // 1_000_000
            # Breadth first: a request to Kafka holds at most one batch of each partition.
            rounds = zip_longest(*(batches_of(contents, now) for contents in outputs))
            # In turns: aiokafka has room for one batch a partition, and is not fair to those who wait for it.
            async with self._handing_over:
                sent = [
                    await producer.send_batch(batch, topic, partition=partition)
                    for batches in rounds
                    for partition, batch in enumerate(batches)
                    if batch is not None
                ]
            await asyncio.gather(*sent)

        check_sizes(map(itemgetter(1), records))
        await self._acknowledged(topic, written)

    async def _acknowledged(self, topic: str, work: Callable[[AIOKafkaProducer], Awaitable[Result]]) -> Result:
        """Do the work with a producer that works; its errors become the router's own."""
        try:
            async with asyncio.timeout(self._timeout):
                producer = await self._running()
                try:
                    return await work(producer)
                except (OutOfOrderSequenceNumber, ProducerClosed, ProducerFenced):
                    await self._discard(producer)
                    raise
        except MessageSizeTooLargeError as error:
            raise RefusedError(f"a record is too large for topic {topic}: {error}") from error
        except TimeoutError:
            raise KafkaUnavailableError(
                f"Kafka at {self._bootstrap_servers} did not acknowledge in {self._timeout:g} s"
            ) from None
        except KafkaError as error:
            raise KafkaUnavailableError(f"Kafka at {self._bootstrap_servers}: {error!r}") from error

    async def _running(self) -> AIOKafkaProducer:
        if self._producer is not None:
            return self._producer
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    **connection(self._bootstrap_servers),
                    acks="all",
                    enable_idempotence=True,
                    linger_ms=self._linger_ms,
                    max_batch_size=BATCH_BYTES,
                    max_request_size=MAX_MESSAGE_BYTES + BATCH_BYTES,
                    request_timeout_ms=20_000,
                    retry_backoff_ms=50,
                )
                try:
                    await producer.start()
                except BaseException as error:
                    await producer.stop()
                    if isinstance(error, KafkaError):
                        raise KafkaUnavailableError(
                            f"no Kafka answers at {self._bootstrap_servers}",
                            hint=hint_when_nobody_answers(),
                        ) from error
                    raise
                self._producer = producer
        return self._producer

    async def _discard(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
            log.warning("producer.discarded")
            await producer.stop()


def _by_partition(records: Iterable[ReadyRecord], count: int) -> list[list[bytes]]:
    outputs: list[list[bytes]] = [[] for _ in range(count)]
    put = [contents.append for contents in outputs]
    for placement, content in records:
        put[placement % count](content)
    return outputs
