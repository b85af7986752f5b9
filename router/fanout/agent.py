"""The Kafka edge of fan-out: one Faust app, one agent on workspace.events, and a lane for each assigned partition."""

import asyncio
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import faust
import mode
import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from router.errors import RefusedError
from router.fanout.commits import CommitsBehind
from router.fanout.guarantees import IdempotentSeat, Seat, TransactionalSeat
from router.fanout.lanes import Batch, Lane
from router.fanout.limits import parts, put_aside_what_is_too_large
from router.fanout.partitions import SinkPartitions
from router.fanout.plan import Plan, plan_batch
from router.fanout.producing import GROUP
from router.fanout.reading import Reader
from router.fanout.seats import SEATS, Seats
from router.kafka.batch_transport import BatchApp, Hooks, batch_topic
from router.observability.metrics import Metrics
from router.settings import Settings
from router.subscriptions.view import Routes
from topics import WORKSPACE_EVENTS

log = structlog.get_logger(__name__)

QUIESCE_SECONDS = 10.0
LEAVE_SECONDS = 2.0
STALLED_SECONDS = 20.0
GIVE_UP_SECONDS = 90.0
WATCH_SECONDS = 1.0
SWITCH_SECONDS = 0.001
"""How long a thread keeps the interpreter from another: Faust's and this one hand each other work all the time."""


OLDEST_SECONDS = 30 * 86_400.0
"""What says that it is older has no time, or one that is made up: one such record would be all of an average."""


class Subscriptions(Protocol):
    """What fan-out needs of the subscriptions view."""

    @property
    def routes(self) -> Routes:
        """The compiled filters of the live subscriptions."""
        ...


class FanoutAgent:
    """Reads workspace.events and writes every event to whoever wants it."""

    def __init__(self, settings: Settings, subscriptions: Subscriptions, metrics: Metrics) -> None:
        self._settings = settings
        self._subscriptions = subscriptions
        self._reader = Reader(subscriptions.routes)
        self._metrics = metrics
        self._partitions = SinkPartitions(settings.bootstrap_servers, settings.replication_factor)
        self._lanes: dict[TopicPartition, Lane] = {}
        self._seats: Seats | None = None
        # Faust may ask twice for the same assignment; lanes must not be made twice at once.
        self._fencing = asyncio.Lock()
        self._moved_at = 0.0
        self._reported: set[TopicPartition] = set()
        self._app = self._build_app()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Join the group `router-fanout` and begin to route."""
        # Where Kafka refuses to make a topic, those of its events that come will wait for it.
        with suppress(RefusedError):
            await self._partitions.ensure(self._subscriptions.routes.topics)
        self._settings.data_dir.mkdir(parents=True, exist_ok=True)
        sys.setswitchinterval(SWITCH_SECONDS)
        self._app.finalize()
        self._app.in_worker = True
        await self._app.start()
        self._watching = asyncio.create_task(self._watch(), name="watch fan-out")

    async def stop(self) -> None:
        """Finish what is being written; others take over at once, or in 30 s if this member is not back by then."""
        if self._watching is not None:
            self._watching.cancel()
        await self._quiesce()
        if self._settings.leave_on_stop:
            with suppress(TimeoutError):
                async with asyncio.timeout(LEAVE_SECONDS):
                    await self._app.batch_consumer.thread.leave_when_stopped()
        await self._app.stop()
        await self._stop_lanes()

    async def wait_until_crashed(self) -> Exception:
        """Return the error that ended the app; the process should end too, and be started again."""
        await self._app.ended.wait()
        reason: Exception = self._app.crash_reason
        return reason

    async def check(self) -> str | None:
        """Say what is wrong, for the readiness of the process."""
        if self._app.crash_reason is not None:
            return "fan-out has crashed"
        if self._app.rebalancing or not self._app.consumer.flow_active:
            return "partitions are being assigned"
        if trouble := next((lane.trouble for lane in self._lanes.values() if lane.trouble), None):
            return f"Kafka does not take what is written: {trouble}"
        if self._silent_seconds() > STALLED_SECONDS:
            return "fan-out does not poll"
        return None

    async def plan(self, batch: Batch) -> Plan:
        """Decide what a batch becomes, by the subscriptions as they are now."""
        routes = self._subscriptions.routes
        await self._partitions.ensure(routes.topics)
        if routes is not self._reader.routes:
            self._reader = Reader(routes)
        plan = plan_batch(batch, self._reader, self._partitions.counts)
        if self._partitions.limits and len(batch) == 1:
            put_aside_what_is_too_large(plan, batch[0], self._partitions.limits)
        return plan

    def parts(self, batch: Batch) -> Iterable[Batch]:
        """Return what of a batch is planned and sent together: all, unless a topic takes less than a batch may have."""
        limits = self._partitions.limits
        return map(list, parts(batch, limits)) if limits else (batch,)

    def failed(self, error: Exception) -> None:
        """Find out what topics take, when a write was larger than that."""
        if isinstance(error.__cause__, MessageSizeTooLargeError):
            self._partitions.doubt_limits()

    def written(self, plans: Sequence[Plan], batches: Sequence[Batch]) -> None:
        """Count what was written, and how old its oldest record was by then."""
        metrics = self._metrics
        oldest = age_seconds(batches[0][0].timestamp, time.time())
        if oldest is not None:
            metrics.fanout_seconds.observe(oldest)
            metrics.end_to_end_seconds.labels(sink="topic").observe(oldest)
        for plan in plans:
            metrics.routed.inc(plan.events)
            metrics.unmatched.inc(plan.unmatched)
            if plan.unreadable:
                metrics.unreadable.labels(topic=WORKSPACE_EVENTS.name).inc(plan.unreadable)
            metrics.matched.add(plan.matched)
        unreadable = sum(plan.unreadable for plan in plans)
        (log.warning if unreadable else log.debug)(
            "event.routed",
            partition=batches[0][0].partition,
            offset=batches[0][0].offset,
            events=sum(map(len, batches)),
            written=sum(sum(plan.matched.values()) for plan in plans),
            unmatched=sum(plan.unmatched for plan in plans),
            unreadable=unreadable,
            age_seconds=None if oldest is None else round(oldest, 3),
        )

    async def committed(self, partition: TopicPartition) -> int | None:
        """Return the committed offset of a source partition, asked from Kafka."""
        self._partitions.doubt()
        return await self._app.batch_consumer.thread.committed(partition)

    async def lost(self, error: Exception) -> None:
        """End the app: whoever starts it again begins at the committed offsets."""
        await self._app.crash(error)

    def _build_app(self) -> BatchApp:
        settings = self._settings
        app = BatchApp(
            GROUP,
            broker=[f"kafka://{server.strip()}" for server in settings.bootstrap_servers.split(",")],
            datadir=str(settings.data_dir / "faust"),
            web_enabled=False,
            topic_disable_leader=True,
            topic_allow_declare=False,
            table_standby_replicas=0,
            stream_wait_empty=False,
            agent_supervisor=mode.CrashingSupervisor,
            consumer_group_instance_id=f"{GROUP}-{settings.instance}",
            broker_session_timeout=30.0,
            broker_heartbeat_interval=3.0,
            broker_rebalance_timeout=60.0,
            broker_request_timeout=40.0,
            broker_max_poll_interval=1e6,
            broker_commit_interval=5.0,
        )
        app.bootstrap_servers = settings.bootstrap_servers
        app.ended = asyncio.Event()
        app.hooks = Hooks(quiesce=self._quiesce, fence=self._fence)
        app.agent(batch_topic(app, WORKSPACE_EVENTS.name), name="fanout")(self._route)
        return app

    async def _route(self, stream: faust.StreamT[Any]) -> None:
        """The agent: hand each batch to its lane."""
        async for batch in stream:
            message = stream.current_event.message
            lane = self._lanes.get(TopicPartition(message.topic, message.partition))
            # A batch of a former assignment will be read again, by this process or by another.
            if lane is not None and lane.generation == message.generation_id:
                await lane.put(batch)

    async def _quiesce(self) -> None:
        await asyncio.gather(*(lane.quiesce(QUIESCE_SECONDS) for lane in self._lanes.values()))

    async def _fence(self, assignment: Collection[TopicPartition]) -> None:
        async with self._fencing:
            await self._stop_lanes()
            generation = self._app.consumer_generation_id
            self._seats = seats = Seats(await self._make_seats(), self._count)
            lanes = [Lane(partition, generation, seats.writer(partition), self) for partition in assignment]
            await asyncio.gather(*(lane.start() for lane in lanes))
            self._lanes = {lane.partition: lane for lane in lanes}
            log.info("fanout.assigned", partitions=sorted(p.partition for p in assignment), generation=generation)

    async def _stop_lanes(self) -> None:
        lanes, self._lanes = self._lanes, {}
        await asyncio.gather(*(lane.stop() for lane in lanes.values()))
        seats, self._seats = self._seats, None
        if seats is not None:
            await seats.stop()

    async def _make_seats(self) -> list[Seat]:
        servers, thread = self._settings.bootstrap_servers, self._app.batch_consumer.thread
        if self._settings.delivery_guarantee == "at_least_once":
            commits = CommitsBehind(thread.commit_offsets)
            return [IdempotentSeat(servers, commits) for _ in range(SEATS)]
        member, name = await thread.member(), f"{GROUP}-{self._settings.instance}"
        return [TransactionalSeat(servers, f"{name}-{number}", member) for number in range(SEATS)]

    def _count(self, outcome: str) -> None:
        self._metrics.fanout_transactions.labels(outcome=outcome).inc()

    async def _watch(self) -> None:
        """Report what is not read yet; end an app that no longer reads: whoever starts it again has a new consumer."""
        while True:
            await asyncio.sleep(WATCH_SECONDS)
            if self._silent_seconds() > GIVE_UP_SECONDS:
                await self.lost(RuntimeError(f"nothing was polled for {GIVE_UP_SECONDS:g} s"))
                return
            with suppress(TimeoutError, KafkaError):
                async with asyncio.timeout(STALLED_SECONDS):
                    self._report_lags(await self._app.batch_consumer.thread.lags())

    def _report_lags(self, unread: Mapping[TopicPartition, int]) -> None:
        """Report what is not read yet, and what is read and not written; nothing for what others have now."""
        lags = {p: records + self._lanes[p].waiting for p, records in unread.items() if p in self._lanes}
        for partition, records in {**dict.fromkeys(self._reported, 0), **lags}.items():
            self._metrics.consumer_lag.labels(GROUP, partition.topic, partition.partition).set(records)
        self._reported = set(lags)

    def _silent_seconds(self) -> float:
        """Return for how long nothing was polled although something could be."""
        now = asyncio.get_running_loop().time()
        if any(lane.is_busy for lane in self._lanes.values()):
            self._moved_at = now  # whoever waits for Kafka to take what is written is not stuck
        return now - max(self._moved_at, self._app.batch_consumer.polled_at)


def age_seconds(timestamp: int, now: float) -> float | None:
    """Return how old a record is by its timestamp in milliseconds; None when it cannot have been written then."""
    age = now - timestamp / 1000
    return max(0.0, age) if age <= OLDEST_SECONDS else None
