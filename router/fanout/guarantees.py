"""Seats: producers that commit one round after the other, by what they guarantee (design §5).

`TransactionalSeat`: outputs and offsets commit in one transaction, so nothing is lost and nothing doubled for readers
of committed records. `IdempotentSeat`: the offsets follow once the outputs are acknowledged, so nothing is lost, and a
crash repeats the last batches.
"""

import asyncio
from typing import Any, Final, Protocol

from aiokafka import AIOKafkaProducer

from router.fanout.commits import CommitsBehind
from router.fanout.producing import GROUP, STALLED_SECONDS, acknowledged, producer_settings, started, stop
from router.fanout.rounds import Round
from router.kafka.transaction_offsets import Member, commit_offsets
from router.kafka.transactions import begin_with_group

TRANSACTION_SECONDS: Final = 20
"""When Kafka aborts what a worker has left open; it looks every 10 s, and partitions are given to others after 30 s."""


class Seat(Protocol):
    """A producer, made anew after each failure."""

    @property
    def pace_seconds(self) -> float:
        """How far apart the beginnings of two rounds should be, as each costs Kafka as much as many events."""
        ...

    async def start(self) -> AIOKafkaProducer:
        """Connect, unless it is; returns when it is decided what an earlier connection left open."""
        ...

    async def begin(self) -> AIOKafkaProducer:
        """Do what can be done before it is known what will be written."""
        ...

    async def commit(self, round_: Round) -> None:
        """Return when what the lanes of a round write is safe; raises when it is not, or that is not known."""
        ...

    async def settle(self) -> None:
        """Return once the offsets of everything that was written are committed."""
        ...

    async def stop(self) -> None:
        """Disconnect; what is not committed is dropped."""
        ...


class TransactionalSeat:
    """A round is a transaction, with the offsets of a member of the consumer group."""

    pace_seconds = 0.02

    def __init__(self, bootstrap_servers: str, transactional_id: str, member: Member) -> None:
        settings = producer_settings(bootstrap_servers) | {
            # For a moment after a commit Kafka still writes its markers, and refuses the next transaction.
            "retry_backoff_ms": 5,
            "transactional_id": transactional_id,
            "transaction_timeout_ms": TRANSACTION_SECONDS * 1000,
        }
        self._member = member
        self._connection = _Connection(settings)
        self._is_begun = False

    async def start(self) -> AIOKafkaProducer:
        """Connect; InitProducerId decides what an earlier connection or process left open."""
        return await self._connection.open()

    async def begin(self) -> AIOKafkaProducer:
        """Begin a transaction, unless one is begun and nothing is written in it."""
        producer = await self.start()
        if not self._is_begun:
            async with asyncio.timeout(STALLED_SECONDS):
                await begin_with_group(producer, GROUP)
            self._is_begun = True
        return producer

    async def commit(self, round_: Round) -> None:
        """Commit what is written, with the offsets."""
        await round_.complete()
        self._is_begun = False
        # commit_transaction() does not notice a batch that failed: only its future tells.
        await acknowledged(round_.futures)
        # Not beside the records: Kafka asks about a transaction once at a time, and refuses who comes meanwhile.
        async with asyncio.timeout(STALLED_SECONDS):
            if round_.offsets:
                await commit_offsets(round_.producer, GROUP, self._member, round_.offsets)
        async with asyncio.timeout(STALLED_SECONDS):
            await round_.producer.commit_transaction()

    async def settle(self) -> None:
        """Do nothing: what was written is committed."""

    async def stop(self) -> None:
        """Disconnect; an open transaction is aborted by the next start."""
        self._is_begun = False
        await self._connection.close()


class IdempotentSeat:
    """A round is acknowledged, and its offsets are committed behind it."""

    pace_seconds = 0.005

    def __init__(self, bootstrap_servers: str, commits: CommitsBehind) -> None:
        settings = producer_settings(bootstrap_servers) | {"retry_backoff_ms": 20, "enable_idempotence": True}
        self._connection = _Connection(settings)
        self._commits = commits

    async def start(self) -> AIOKafkaProducer:
        """Connect, and commit what was written over a former connection."""
        producer = await self._connection.open()
        await self._commits.catch_up()
        return producer

    async def begin(self) -> AIOKafkaProducer:
        """Do no more than to connect."""
        return await self._connection.open()

    async def commit(self, round_: Round) -> None:
        """Wait for what is written; raises also what the commit of an earlier round failed with."""
        await round_.complete()
        await acknowledged(round_.futures)
        self._commits.follow(round_.offsets)

    async def settle(self) -> None:
        """Commit the offsets of what is written."""
        await self._commits.catch_up()

    async def stop(self) -> None:
        """Disconnect."""
        await self._commits.stop()
        await self._connection.close()


class _Connection:
    """One producer at a time."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def open(self) -> AIOKafkaProducer:
        """Return the producer, after it was made and has started if there was none."""
        async with self._connecting:
            if self._producer is None:
                self._producer = await started(AIOKafkaProducer(**self._settings))
            return self._producer

    async def close(self) -> None:
        """Stop the producer."""
        async with self._connecting:
            producer, self._producer = self._producer, None
            await stop(producer)
