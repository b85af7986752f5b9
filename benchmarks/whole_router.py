"""A whole `router up` for one benchmark, in this process's care, and the wait for something to come true in it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from router.client.access import Access, find_access
from router.kafka.embedded.ports import free_port
from router.up.options import UpOptions
from router.up.stack import Stack
from tests import waiting

LOOK_SECONDS = 0.2


class WholeRouter(NamedTuple):
    """Where the parts of a running router are found."""

    bootstrap_servers: str
    server_url: str
    access: Access


@asynccontextmanager
async def whole_router(data_dir: Path, *, workers: int, **environment: str) -> AsyncIterator[WholeRouter]:
    """Run Kafka, server and workers on free ports as long as the block, which begins when they are ready."""
    port = free_port()
    options = UpOptions(
        data_dir=data_dir,
        port=port,
        kafka_port=free_port(apart_from=port),
        metrics_port=0,
        workers=workers,
        environment=environment,
    )
    async with Stack(options, report=lambda line: print(f"-- {line}", flush=True)) as stack:
        await stack.wait_ready()
        yield WholeRouter(stack.bootstrap_servers, options.server_url, find_access(data_dir, {}))


async def until(condition: Callable[[], bool | Awaitable[bool]], seconds: float = 3600.0) -> None:
    """Return once the condition holds; raises TimeoutError after `seconds`."""
    await waiting.until(condition, seconds, LOOK_SECONDS)
