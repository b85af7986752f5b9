"""`router demo`: a router, subscribers and events, to look at."""

import asyncio
import signal
import tempfile
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from typing import Annotated, Any

import typer

from router.cli import output
from router.cli.failures import INTERRUPTED
from router.cli.signals import when_told_to_stop


def demo(
    stay: Annotated[bool, typer.Option("--stay", help="Keep everything running afterwards, until Ctrl-C.")] = False,
    data_dir: Annotated[
        Path | None,
        typer.Option(
            "--data-dir",
            metavar="DIR",
            envvar="ROUTER_DATA_DIR",
            help="Directory for the demo's router, kept afterwards; a temporary one unless given.",
        ),
    ] = None,
) -> None:
    """Show what the router does: real Azure ML events, four subscriptions, and who got what and why not.

    Starts Kafka, server and worker on free ports, makes subscriptions to two topics, to a webhook and to a webhook
    that fails, publishes ten recorded events and watches them arrive. Takes less than a minute once Kafka has been
    fetched (45 MB, the first time only); ends with 0 when every expected delivery was seen.
    """
    from router.demo.run import DemoOptions, run_demo  # noqa: PLC0415 (heavy: only this command needs it)

    with _directory(data_dir, keep=stay) as directory:
        code = asyncio.run(_until_signal(run_demo(DemoOptions(directory, stay=stay), output.stdout())))
    raise typer.Exit(code)


@contextmanager
def _directory(given: Path | None, *, keep: bool) -> Iterator[Path]:
    """Give the demo's data directory; a temporary one is removed at the end, unless it shall be kept."""
    if given is not None:
        yield given
        return
    directory = Path(tempfile.mkdtemp(prefix="router-demo-"))
    try:
        yield directory
    finally:
        if keep:
            output.remark(f"Its data is in {directory}; delete it when you like.")
        else:
            rmtree(directory, ignore_errors=True)


async def _until_signal(running: Coroutine[Any, Any, int]) -> int:
    """Run to the end, or until SIGINT or SIGTERM: then everything is stopped in order."""
    task = asyncio.ensure_future(running)
    when_told_to_stop(task.cancel, signal.SIGINT, signal.SIGTERM)
    try:
        return await task
    except asyncio.CancelledError:
        output.remark("Stopped before the end.")
        return INTERRUPTED
