"""The demo's router: the same stack as `router up`, on free ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from router.credentials import Credentials, read_credentials
from router.demo.steps import Steps
from router.errors import NotFoundError
from router.kafka.embedded.ports import free_port
from router.kafka.embedded.release import KAFKA_VERSION
from router.up.options import UpOptions
from router.up.stack import Stack


@asynccontextmanager
async def started(data_dir: Path, steps: Steps) -> AsyncIterator[Credentials]:
    """Start Kafka, server and worker in a data directory, give the credentials, and stop everything at the end.

    Raises:
        RouterError: something cannot be started; message and hint say what.
    """
    options = UpOptions(data_dir=data_dir, port=free_port(), kafka_port=0, metrics_port=0)
    is_ready = False

    def report(line: str) -> None:
        """Tell what takes time while the stack starts as a step, and what happens later in a line."""
        (steps.remark if is_ready else steps.begin)(line)

    steps.begin(f"starting Apache Kafka {KAFKA_VERSION}")
    async with Stack(options, report=report) as stack:
        steps.begin("starting server and worker")
        await stack.wait_ready()
        is_ready = True
        credentials = read_credentials(data_dir)
        if credentials is None:
            raise NotFoundError(f"the server wrote no credentials.json into {data_dir}")
        yield credentials
