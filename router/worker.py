"""The worker: composition root of the data plane. It builds every collaborator of the stages that it runs."""

import asyncio
import gc
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Protocol

import structlog
import uvloop
from aiokafka.errors import KafkaError
from starlette.applications import Starlette

from router.delivery.agent import DeliveryAgent
from router.errors import KafkaUnavailableError
from router.fanout.agent import FanoutAgent
from router.handlers import Handlers
from router.kafka.admin import ensure_all_topics
from router.kafka.probe import KafkaProbe
from router.kafka.producer import KafkaProducer
from router.observability.endpoints import operations_routes
from router.observability.health import Health
from router.observability.metrics import Metrics
from router.observability.serving import BackgroundServer
from router.process_memory import collect_rarely, keep_freed_memory
from router.retry.agent import RetryAgent
from router.secrets import secret_box
from router.settings import Settings
from router.stopping import told_to_stop, unless
from router.subscriptions.follower import SubscriptionsFollower

log = structlog.get_logger(__name__)

KAFKA_SECONDS = 30.0
STOP_SECONDS = 20.0
PRODUCE_SECONDS = 3600.0
"""Nobody waits for these records, and what is given up and written anew may be there twice."""


class StageAgent(Protocol):
    """What the worker asks of a stage."""

    async def start(self) -> None:
        """Begin."""
        ...

    async def stop(self) -> None:
        """Finish what is under way, then end."""
        ...

    async def check(self) -> str | None:
        """Say what is wrong, or None."""
        ...

    async def wait_until_crashed(self) -> Exception:
        """Return the error that ended the stage."""
        ...


def main(settings: Settings) -> int:
    """Run a worker until it is told to stop; return the exit code of the process.

    Raises:
        RouterError: it cannot start.
    """
    # Faust's consumer thread makes a loop of its own, so the policy has to know uvloop too.
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    collect_rarely()
    keep_freed_memory()
    return asyncio.run(run_worker(settings))


async def run_worker(settings: Settings) -> int:
    """Run the stages; return 0 after SIGTERM or SIGINT, 1 when a stage crashed.

    Raises:
        RouterError: it cannot start: no Kafka in time, a port that is taken.
    """
    stopping = told_to_stop()
    async with AsyncExitStack() as cleanup:
        stages = await unless(stopping, _start(settings, cleanup))
        return 0 if stages is None else await _until_stopped(stopping, stages.values())


async def _start(settings: Settings, cleanup: AsyncExitStack) -> Mapping[str, StageAgent]:
    """Build and start everything in order; what was started is stopped by `cleanup` in the opposite order."""
    await _topics_exist(settings)
    metrics, health = Metrics(), Health()
    server = BackgroundServer(
        Starlette(routes=operations_routes(metrics, health)), settings.host, settings.metrics_port
    )
    health.register("stages", _starting)
    health.register("kafka", KafkaProbe(settings.bootstrap_servers).check)
    await server.start()
    cleanup.push_async_callback(server.stop)
    follower = SubscriptionsFollower(settings.bootstrap_servers, now=_now)
    cleanup.push_async_callback(follower.stop)
    await follower.start()
    # Ten thousand subscriptions are a million objects, through which each full collection would go in vain.
    gc.collect()
    gc.freeze()
    health.register("subscriptions", follower.check)
    producer = KafkaProducer(settings.bootstrap_servers, timeout_seconds=PRODUCE_SECONDS)
    await producer.start()
    cleanup.push_async_callback(producer.stop)
    stages, begun = _stages(settings, follower, producer, metrics), dict[str, StageAgent]()
    cleanup.push_async_callback(_stop, begun)
    for name, stage in stages.items():
        begun[name] = stage
        try:
            await stage.start()
        except KafkaError as error:
            raise KafkaUnavailableError(f"Kafka went away while {name} was starting: {error!r}") from error
        health.register(name, stage.check)
    health.register("stages", _started)
    log.info("worker.started", stages=list(stages), instance=settings.instance)
    return stages


async def _topics_exist(settings: Settings) -> None:
    await ensure_all_topics(
        settings.bootstrap_servers,
        event_partitions=settings.event_partitions,
        replication_factor=settings.replication_factor,
        wait_seconds=KAFKA_SECONDS,
    )


def _stages(
    settings: Settings, follower: SubscriptionsFollower, producer: KafkaProducer, metrics: Metrics
) -> dict[str, StageAgent]:
    builders: dict[str, Callable[[], StageAgent]] = {
        "fanout": lambda: FanoutAgent(settings, follower.view, metrics),
        "delivery": lambda: DeliveryAgent(
            settings,
            subscriptions=follower.view,
            handler=Handlers(settings, secret_box(settings)),
            producer=producer,
            metrics=metrics,
            now=_now,
        ),
        "retry": lambda: RetryAgent(settings, producer=producer, metrics=metrics, now=_now),
    }
    return {name: builders[name]() for name in settings.stages}


async def _until_stopped(stopping: asyncio.Event, stages: Iterable[StageAgent]) -> int:
    told = asyncio.create_task(stopping.wait())
    crashes = [asyncio.create_task(stage.wait_until_crashed()) for stage in stages]
    await asyncio.wait({told, *crashes}, return_when=asyncio.FIRST_COMPLETED)
    for task in (told, *crashes):
        task.cancel()
    failed = [task.result() for task in crashes if task.done() and not task.cancelled()]
    for error in failed:
        log.error("worker.crashed", error=repr(error))
    return 1 if failed else 0


async def _stop(stages: Mapping[str, StageAgent]) -> None:
    """Stop all at once: one after the other might take longer than a process has."""
    await asyncio.gather(*(_stop_one(name, stage) for name, stage in stages.items()))


async def _stop_one(name: str, stage: StageAgent) -> None:
    try:
        await asyncio.wait_for(stage.stop(), STOP_SECONDS)
    except TimeoutError:
        log.warning("stage.stop_timed_out", stage=name)
    else:
        log.info("stage.stopped", stage=name)


async def _starting() -> str | None:
    return "starting"


async def _started() -> str | None:
    return None


def _now() -> datetime:
    return datetime.now(UTC)
