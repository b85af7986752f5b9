"""WorkQueue: a consumer of a group whose records may be finished in any order.

aiokafka commits positions; this commits, on a timer, what is finished up to the first record that is not. What was
begun under an assignment that is over is somebody else's now: it may finish, but is never committed from here.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final, NamedTuple

import structlog
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from router.kafka.connection import connection
from router.kafka.consumer import KafkaConsumer
from router.kafka.membership import leave_when_stopped
from router.kafka.offsets import Offsets
from topics import MAX_MESSAGE_BYTES

log = structlog.get_logger(__name__)

COMMIT_SECONDS: Final = 0.1
"""What was finished since the last commit is done again after a crash."""

_COMMITS_A_LOOK: Final = 5
_COMMIT_TIMEOUT_SECONDS: Final = 10.0
_POSITION_SECONDS: Final = 0.2
_DISCONNECT_SECONDS: Final = 10.0
_REVOKE_SECONDS: Final = 3.0
_RECONNECT_SECONDS: Final = 0.5
_LOOK_SECONDS: Final = 2.0
SESSION_SECONDS: Final = 30
_POLL_INTERVAL_MS: Final = 24 * 3600 * 1000
"""Waiting for hours is normal here; a loop that hangs is found by the readiness check, not by Kafka."""


ReportLag = Callable[[str, int, int], None]
"""Takes topic, partition and the number of records that are not finished."""


class Gather(NamedTuple):
    """What a fetch waits for: so many bytes, or so long."""

    bytes: int
    milliseconds: int


AT_ONCE: Final = Gather(1, 100)


class _Assignment:
    """The partitions that this process has until the next rebalance."""

    def __init__(self, partitions: Sequence[TopicPartition]) -> None:
        self.offsets = {partition: Offsets() for partition in partitions}
        self.committed: dict[TopicPartition, int] = {}
        self.held: set[TopicPartition] = set()
        self.current = True
        self.running = 0
        self.quiet = asyncio.Event()
        self.quiet.set()


class Work:
    """A record that somebody must finish: `begin` before its effects, `finish` once they are safe."""

    __slots__ = ("_assignment", "_offsets", "record")

    def __init__(self, record: Any, assignment: _Assignment, offsets: Offsets) -> None:  # noqa: ANN401 (aiokafka's)
        self.record = record
        self._assignment = assignment
        self._offsets = offsets

    def begin(self) -> bool:
        """Say whether the record is still this process's to work on, and count it as being worked on."""
        if not self._assignment.current:
            return False
        self._assignment.running += 1
        self._assignment.quiet.clear()
        return True

    def finish(self) -> None:
        """Note that nothing is left to do, so that the record may be committed."""
        self._offsets.finish(self.record.offset)
        self._assignment.running -= 1
        if self._assignment.running == 0:
            self._assignment.quiet.set()


class WorkQueue:
    """Reads topics as a static member of a group; a consumer that broke is made anew.

    `generation` changes with every assignment: what was taken before is no longer this process's to begin.
    """

    def __init__(  # noqa: PLR0913 (what to read, as whom, and how)
        self,
        bootstrap_servers: str,
        *,
        group: str,
        instance: str,
        topics: Sequence[str],
        report_lag: ReportLag,
        gather: Gather = AT_ONCE,
    ) -> None:
        self._gather = gather
        self._bootstrap_servers = bootstrap_servers
        self._group = group
        self._instance = instance
        self._topics = tuple(topics)
        self._report_lag = report_lag
        self._consumer: Any = None
        self._assignment: _Assignment | None = None
        self._measured: set[TopicPartition] = set()
        self.generation = 0

    async def run(self) -> None:
        """Commit on a timer until cancelled; the connection is made by the first `take`."""
        turn = 0
        while True:
            await asyncio.sleep(COMMIT_SECONDS)
            await self.commit()
            turn += 1
            if turn % _COMMITS_A_LOOK == 0:
                await self._measure_lag()

    async def stop(self, grace_seconds: float, *, leave: bool = False) -> None:
        """Hand out no more, wait so long at most for what was begun, commit; others take over at once, or in 30 s."""
        await self._let_go(grace_seconds)
        if leave:
            leave_when_stopped(self._consumer)
        await self._disconnect()

    @property
    def is_assigned(self) -> bool:
        """Whether the group gave this process its share of the partitions, which may be none."""
        return self._assignment is not None

    @property
    def partitions(self) -> tuple[TopicPartition, ...]:
        """The partitions that this process reads now."""
        return () if self._assignment is None else tuple(self._assignment.offsets)

    async def take(self, timeout_seconds: float) -> list[Work]:
        """Return what is there, or nothing after `timeout_seconds`; connection trouble is waited out."""
        try:
            if self._consumer is None:
                await self._connect()
            found = await self._consumer.getmany(timeout_ms=int(timeout_seconds * 1000))
        except (KafkaError, OSError) as error:
            log.warning("consumer.reconnecting", group=self._group, error=repr(error))
            await self._disconnect()
            await asyncio.sleep(_RECONNECT_SECONDS)
            return []
        return [work for partition, records in found.items() for work in self._works(partition, records)]

    def hold(self, partition: TopicPartition) -> None:
        """Read no more of a partition for now; what was fetched ahead is fetched again later."""
        held = self._held_with(partition)
        if held is not None and partition not in held:
            held.add(partition)
            self._consumer.pause(partition)

    def release(self, partition: TopicPartition) -> None:
        """Read on where a partition was held."""
        held = self._held_with(partition)
        if held is not None and partition in held:
            held.remove(partition)
            self._consumer.resume(partition)

    async def commit(self) -> None:
        """Commit what is finished and was not committed before; a failure is logged and made good next time."""
        assignment, consumer = self._assignment, self._consumer
        if assignment is None or consumer is None:
            return
        await self._skip_markers(consumer, assignment)
        offsets = {
            partition: tracked.committable
            for partition, tracked in assignment.offsets.items()
            if tracked.committable is not None and tracked.committable != assignment.committed.get(partition)
        }
        if not offsets or assignment is not self._assignment:
            return
        try:
            async with asyncio.timeout(_COMMIT_TIMEOUT_SECONDS):
                await consumer.commit(offsets)
        except (KafkaError, TimeoutError) as error:
            log.warning("commit.failed", group=self._group, error=repr(error))
        else:
            assignment.committed |= offsets

    async def _connect(self) -> None:
        consumer = KafkaConsumer(
            **connection(self._bootstrap_servers),
            group_id=self._group,
            group_instance_id=f"{self._group}-{self._instance}",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            session_timeout_ms=SESSION_SECONDS * 1000,
            max_poll_interval_ms=_POLL_INTERVAL_MS,
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
            fetch_min_bytes=self._gather.bytes,
            fetch_max_wait_ms=self._gather.milliseconds,
        )
        consumer.subscribe(topics=self._topics, listener=_Listener(self))
        self._consumer = consumer
        await consumer.start()

    async def _disconnect(self) -> None:
        consumer, self._consumer = self._consumer, None
        if self._assignment is not None:
            self._assignment.current = False
            self._assignment = None
        if consumer is not None:
            with suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(_DISCONNECT_SECONDS):
                    await consumer.stop()

    def _works(self, partition: TopicPartition, records: Sequence[Any]) -> Iterator[Work]:
        assignment = self._assignment
        # While partitions are being revoked aiokafka still hands out what it fetched before.
        if assignment is None or not assignment.current or partition not in assignment.offsets:
            return
        offsets = assignment.offsets[partition]
        for record in records:
            if offsets.begin(record.offset):
                yield Work(record, assignment, offsets)

    def _held_with(self, partition: TopicPartition) -> set[TopicPartition] | None:
        assignment = self._assignment
        if assignment is None or not assignment.current or partition not in assignment.offsets:
            return None
        return assignment.held

    async def _skip_markers(self, consumer: KafkaConsumer, assignment: _Assignment) -> None:
        """Count the markers that end transactions as read, or the group would seem to lag behind for ever."""
        for partition, tracked in assignment.offsets.items():
            if len(tracked) or tracked.committable is None:
                continue
            with suppress(KafkaError, TimeoutError):
                async with asyncio.timeout(_POSITION_SECONDS):
                    position = await consumer.position(partition)
                # Once partitions are being revoked, records are read that nobody here will work on.
                if assignment.current and assignment is self._assignment:
                    tracked.skip_to(position)

    async def _measure_lag(self) -> None:
        assignment, consumer = self._assignment, self._consumer
        if assignment is None or consumer is None or not assignment.offsets:
            return
        # Asked for: what the consumer remembers is from its last fetch, and partitions that are held are not fetched.
        with suppress(KafkaError, TimeoutError, OSError):
            async with asyncio.timeout(_LOOK_SECONDS):
                ends = await consumer.end_offsets(list(assignment.offsets))
            for partition, end in ends.items():
                reached = assignment.offsets[partition].committable
                if reached is not None and assignment is self._assignment and assignment.current:
                    self._report_lag(partition.topic, partition.partition, max(0, end - reached))

    def assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Take over partitions; called by the rebalance listener."""
        for partition in self._measured - set(partitions):
            self._report_lag(partition.topic, partition.partition, 0)  # somebody else's to be behind with
        self._measured = set(partitions)
        self._assignment = _Assignment(partitions)
        self.generation += 1
        log.info("partitions.assigned", group=self._group, partitions=len(partitions))

    async def revoked(self) -> None:
        """Finish and commit what can be finished quickly; called by the rebalance listener."""
        await self._let_go(_REVOKE_SECONDS)
        self._assignment = None

    async def _let_go(self, grace_seconds: float) -> None:
        assignment = self._assignment
        if assignment is None:
            return
        assignment.current = False
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_seconds):
                await assignment.quiet.wait()
        await self.commit()


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Passes a rebalance on to its queue."""

    def __init__(self, queue: WorkQueue) -> None:
        self._queue = queue

    async def on_partitions_revoked(self, _revoked: Any) -> None:  # noqa: ANN401 (a set of TopicPartition)
        await self._queue.revoked()

    def on_partitions_assigned(self, assigned: Any) -> None:  # noqa: ANN401 (a set of TopicPartition)
        # Not a coroutine: no record may be handed out before the offsets are tracked.
        self._queue.assigned(sorted(assigned))
