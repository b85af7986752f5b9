"""The demo's router: the same stack as `router up`, on free ports."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from router.credentials import Credentials, read_credentials
from router.errors import NotFoundError
from router.kafka.embedded.ports import free_port
from router.kafka.embedded.release import KAFKA_VERSION
from router.up.options import UpOptions
from router.up.stack import Stack

Tell = Callable[[str], None]
"""Takes the name of a step that begins."""


@asynccontextmanager
async def started(data_dir: Path, tell: Tell) -> AsyncIterator[Credentials]:
    """Start Kafka, server and worker in a data directory, give the credentials, and stop everything at the end.

    Raises:
        RouterError: something cannot be started; message and hint say what.
    """
    options = UpOptions(data_dir=data_dir, port=free_port(), kafka_port=0, metrics_port=0)
    tell(f"starting Apache Kafka {KAFKA_VERSION}")
    async with Stack(options, report=tell) as stack:
        tell("starting server and worker")
        await stack.wait_ready()
        credentials = read_credentials(data_dir)
        if credentials is None:
            raise NotFoundError(f"the server wrote no credentials.json into {data_dir}")
        yield credentials
