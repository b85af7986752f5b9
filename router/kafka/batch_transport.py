"""A Faust transport whose agents receive whole record batches: one Faust event for up to `MAX_BATCH` records.

Faust's own pump makes four tasks and three turns of the event loop for every record; this one makes them once a batch,
which is twenty times faster (docs/decisions/0003). Every topic of an app with this transport is a batch topic, and the
app never commits: whoever handles a batch commits it (`Hooks`).

What is relied on in faust-streaming 0.15.3 is guarded by tests/contract/test_faust_internals.py.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import ConsumerStoppedError
from faust.serializers.schemas import Schema
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from router.kafka.connection import connection
from router.kafka.consumer import KafkaConsumer
from router.kafka.fetching import VerbatimBatches, fetched_records
from router.kafka.membership import leave_when_stopped
from router.kafka.stable_offsets import stable_offset
from router.kafka.transaction_offsets import Member, member_of
from router.kafka.verbatim import VerbatimRecord
from topics import MAX_MESSAGE_BYTES

MAX_BATCH = 200
"""Records in one batch: what is read, planned and encoded of more is in no cache of the processor any more."""

POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the owner of the app does around a change of assignment.

    `quiesce` finishes what is being written before partitions are given up; `fence` shuts out former owners before
    committed offsets are read.
    """

    quiesce: Callable[[], Awaitable[None]]
    fence: Callable[[Collection[TopicPartition]], Awaitable[None]]


class BatchSchema(Schema):
    """No decoding: the value of an event is the list of records."""

    def compile(self, app: Any, **_options: Any) -> Any:  # noqa: ANN401 (Faust's signature)
        """Return the coroutine that makes an event of a message."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ANN401, ARG001
            return app.create_event(None, message.value, None, message)

        return decode


def batch_topic(app: faust.App, name: str, queue_size: int = 4) -> faust.TopicT:
    """Declare the topic whose records the app's agent receives in batches."""
    schema = BatchSchema(key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    topic = app.topic(name, schema=schema, acks=False)
    topic.maxsize = queue_size  # app.topic(maxsize=…) is dropped by Faust
    return topic


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that reads: an aiokafka consumer with settings that Faust does not let one choose."""

    def _create_worker_consumer(self, _transport: Any) -> KafkaConsumer:  # noqa: ANN401
        settings = self.app.conf
        self._assignor = RoundRobinPartitionAssignor
        return KafkaConsumer(
            **connection(self.app.bootstrap_servers),
            group_id=settings.id,
            group_instance_id=settings.consumer_group_instance_id,
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=None,
            max_poll_interval_ms=int(settings.broker_max_poll_interval * 1000),
            max_partition_fetch_bytes=max(settings.consumer_max_fetch_size, MAX_MESSAGE_BYTES),
            # A partition that runs dry while the others are polled waits for that poll to end: keep polls short.
            fetch_max_wait_ms=50,
            retry_backoff_ms=50,
            request_timeout_ms=int(settings.broker_request_timeout * 1000),
            session_timeout_ms=int(settings.broker_session_timeout * 1000),
            rebalance_timeout_ms=int(settings.broker_rebalance_timeout * 1000),
            heartbeat_interval_ms=int(settings.broker_heartbeat_interval * 1000),
        )

    async def _fetch_records(
        self,
        consumer: AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,  # noqa: ASYNC109 (Faust's signature)
        max_records: int | None = None,  # noqa: ARG002
    ) -> dict[TopicPartition, list[VerbatimRecord]]:
        if not self.consumer.flow_active:
            return {}
        fetcher = consumer._fetcher  # noqa: SLF001 (as Faust's own does)
        if consumer._closed or fetcher._closed:  # noqa: SLF001
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():  # noqa: SLF001
            return await fetched_records(fetcher, active_partitions, timeout or 0.0, read_as=VerbatimBatches)

    @property
    def is_assigned(self) -> bool:
        """Whether the group has given this consumer its partitions, and not taken them back."""
        consumer = self._consumer
        return consumer is not None and not consumer._subscription.reassignment_in_progress  # noqa: SLF001

    async def committed(self, partition: TopicPartition) -> int | None:
        """Return the newest committed offset of a partition, asked from Kafka."""
        offset: int | None = await self.call_thread(stable_offset, self._ensure_consumer(), partition)
        return offset

    async def commit_offsets(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Commit partitions; errors are the caller's."""
        await self.call_thread(self._ensure_consumer().commit, dict(offsets))

    async def member(self) -> Member:
        """Return who this consumer is in its group now."""
        return await self.call_thread(self._member)  # type: ignore[no-any-return]

    async def _member(self) -> Member:
        return member_of(self._ensure_consumer())

    async def leave_when_stopped(self) -> None:
        """Leave the group when the app stops, instead of keeping the place there for a while."""
        await self.call_thread(self._leave_when_stopped)

    async def _leave_when_stopped(self) -> None:
        leave_when_stopped(self._ensure_consumer())

    async def lags(self) -> dict[TopicPartition, int]:
        """Return how many records of each assigned partition are not read yet, by where it ends now."""
        return await self.call_thread(self._lags)  # type: ignore[no-any-return]

    async def _lags(self) -> dict[TopicPartition, int]:
        consumer = self._ensure_consumer()
        # Asked for: what the consumer remembers is from its last fetch, which under load was long ago.
        ends = await consumer.end_offsets(consumer.assignment())
        return {partition: max(0, end - await consumer.position(partition)) for partition, end in ends.items()}


class BatchConsumer(driver.Consumer):
    """Faust's consumer with a pump that passes on batches, and never commits by itself."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        super().__init__(*args, **kwargs)
        self._seeks = 0
        self._seeking = asyncio.Lock()
        self.polled_at = asyncio.get_running_loop().time()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    @property
    def thread(self) -> BatchConsumerThread:
        """The thread that reads."""
        return self._thread  # type: ignore[no-any-return]

    def on_buffer_full(self, tp: TP) -> None:
        """Do nothing: the awaited put on the bounded queue is back-pressure enough, and Faust's way may sleep 1 s."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Do nothing, see `on_buffer_full`."""

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish what is being written, then give the partitions up."""
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        await self.app.hooks.quiesce()
        await super().on_partitions_revoked(revoked)

    async def perform_seek(self) -> None:
        """Shut out former owners, then go to the committed offsets; Faust calls this before the flow resumes."""
        async with self._seeking:
            self._seeks += 1
            await self.app.hooks.fence([TopicPartition(*tp) for tp in self.assignment()])
            await super().perform_seek()
            self._seeks += 1

    async def _drain_messages(self, fetcher: Any) -> None:  # noqa: ANN401
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):  # noqa: SLF001 (mode's own pump reads it)
                await asyncio.sleep(0)
                if not self.flow_active:
                    await self.wait(self.can_resume_flow)
                    continue
                await self._poll_once()
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise

    async def _poll_once(self) -> None:
        seeks = self._seeks
        records, active = await self._wait_next_records(POLL_SECONDS)
        if self.thread.is_assigned:  # else nothing could have come, and whoever watches should know
            self.polled_at = asyncio.get_running_loop().time()
        if records and seeks != self._seeks:
            # Fetched across a seek, so perhaps from beyond it. To hand them on would skip what lies between; to drop
            # them, as the flow has not resumed yet, would skip them.
            await self._seek_again()
            return
        if not records or not self.flow_active:
            return  # a flow that was stopped resumes with a seek, which reads these records again
        await self._hand_on(records, active, seeks)

    async def _seek_again(self) -> None:
        async with self._seeking:
            await super().perform_seek()
            # Where nothing is committed, or 0, aiokafka stays where it is: it expects that nothing was read yet.
            uncommitted = [TopicPartition(*tp) for tp in self.assignment() if not self._read_offset.get(tp)]
            if uncommitted:
                await self.thread.seek_to_beginning(*uncommitted)

    async def _hand_on(self, records: dict[Any, list[Any]], active: set[TP] | None, seeks: int) -> None:
        """Pass the records on, round robin over the partitions, a batch of each at a time."""
        waiting = deque((TP(tp.topic, tp.partition), batch, 0) for tp, batch in records.items())
        while waiting:
            tp, batch, start = waiting.popleft()
            if not self.flow_active or seeks != self._seeks:
                return
            if active is not None and tp not in active:
                continue
            part = batch[start : start + MAX_BATCH]
            if start + MAX_BATCH < len(batch):
                waiting.append((tp, batch, start + MAX_BATCH))
            await self.callback(self._message(tp, part))

    def _message(self, tp: TP, batch: list[Any]) -> ConsumerMessage:
        last = batch[-1]
        return ConsumerMessage(
            tp.topic,
            tp.partition,
            last.offset,
            (last.timestamp or 0) / 1000,
            0,
            None,
            None,
            batch,
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )


class BatchProducer(driver.Producer):
    """Faust's producer, which fan-out does not use; it connects as every other client does."""

    def _settings_auth(self) -> dict[str, Any]:
        return {**connection(self.app.bootstrap_servers)}


class BatchTransport(driver.Transport):
    """Faust's aiokafka transport with the consumer and the producer above."""

    Consumer = BatchConsumer
    Producer = BatchProducer


class BatchApp(faust.App):
    """A Faust app of batch topics; its three attributes are set before it starts."""

    hooks: Hooks
    bootstrap_servers: str
    ended: asyncio.Event

    def _crash(self, reason: BaseException) -> None:
        super()._crash(reason)
        self.ended.set()

    def _new_transport(self) -> BatchTransport:
        return BatchTransport(self.conf.broker_consumer, self)

    @property
    def batch_consumer(self) -> BatchConsumer:
        """The app's consumer, as what it is."""
        return self.consumer  # type: ignore[no-any-return]
