"""`router loadtest`: how fast it is, and whether every event arrived."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from router.cli import output
from router.cli.options import DEFAULT_DATA_DIR, DataDir
from router.cli.signals import TERMINATED, when_told_to_stop
from router.errors import RefusedError

if TYPE_CHECKING:
    from router.loadtest.options import Progress as TestProgress
    from router.loadtest.options import Tell
    from router.loadtest.report import Report

STANDARD_OUTPUT: Final = "-"
FASTEST: Final = 1e9
"""More events a second than any clock tells apart; `inf` is none that could be waited for."""

Events = Annotated[int, typer.Option("--events", min=1, metavar="N", help="Events to publish.")]
Rate = Annotated[
    float,
    typer.Option("--rate", min=0, max=FASTEST, metavar="N", help="Events a second; 0 for as fast as possible."),
]
Subscriptions = Annotated[
    int, typer.Option("--subscriptions", min=1, metavar="N", help="Subscriptions that want the events.")
]
Sink = Annotated[Literal["topic", "webhook"], typer.Option("--sink", help="Where the subscriptions send.")]
Matching = Annotated[
    float, typer.Option("--matching", min=0, max=1, metavar="SHARE", help="Share of the events that are wanted.")
]
Publish = Annotated[Literal["kafka", "http"], typer.Option("--publish", help="How events come in.")]
EventsFile = Annotated[
    Path | None,
    typer.Option(
        "--events-file",
        metavar="FILE",
        help="Event Grid events to draw from, as for `router publish`; recorded ones unless given.",
    ),
]
PauseWorker = Annotated[
    float,
    typer.Option(
        "--pause-worker", min=0, metavar="SECONDS", help="Stop the workers of this machine for so long, halfway."
    ),
]
Html = Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots.")]
Json = Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures; - prints.")]
Keep = Annotated[bool, typer.Option("--keep", help="Leave the subscriptions and their topics.")]


def loadtest(
    events: Events = 10_000,
    rate: Rate = 1_000.0,
    subscriptions: Subscriptions = 1,
    sink: Sink = "topic",
    matching: Matching = 1.0,
    publish: Publish = "http",
    events_file: EventsFile = None,
    pause_worker: PauseWorker = 0.0,
    html: Html = None,
    as_json: Json = None,
    keep: Keep = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Publish events at a fixed rate, and verify every one of them at the receiver.

    The loop is open: events are sent when they are due, whatever became of those before, and latency counts from then.
    An event that is lost, or doubled on a topic, is exit code 1. It needs a router that runs: `router up`. Other
    subscriptions of the local workspace get the events too, where their filters want them.
    """
    import uvloop  # noqa: PLC0415 (heavy, as the others: only this command needs it)

    from router.client.access import find_access  # noqa: PLC0415
    from router.loadtest.options import LoadOptions  # noqa: PLC0415
    from router.loadtest.run import run_loadtest  # noqa: PLC0415

    options = LoadOptions(
        events=events,
        rate=rate,
        subscriptions=subscriptions,
        sink=sink,
        matching=matching,
        publish=publish,
        events_file=events_file,
        pause_worker_seconds=pause_worker,
        keep=keep,
    )
    for file in (html, as_json):
        _must_be_writable(file)
    access = find_access(data_dir, os.environ)
    try:
        with _progress() as tell, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            report = runner.run(_until_told(lambda: run_loadtest(options, access, tell)))
    except asyncio.CancelledError:
        raise typer.Exit(TERMINATED) from None
    _write(report, as_json, html)
    _judge(report)


def _judge(report: "Report") -> None:
    """End with exit code 1 when the report is not good; say why, and what was less than wanted."""
    if (shortfall := report.shortfall()) is not None:
        output.warn(shortfall)
    if not report.is_good:
        output.warn(report.verdict())
        raise typer.Exit(1)


async def _until_told(test: "Callable[[], Awaitable[Report]]") -> "Report":
    """Run the test; SIGTERM, as Ctrl-C does, lets it clean up behind it."""
    if (task := asyncio.current_task()) is not None:
        when_told_to_stop(task.cancel, signal.SIGTERM)
    return await test()


def _must_be_writable(file: Path | None) -> None:
    """Raise RefusedError where a report could not be written: better before the test than after it."""
    if file is None or str(file) == STANDARD_OUTPUT:
        return
    try:
        file.open("a").close()
    except OSError as error:
        raise RefusedError(f"cannot write {file}: {error.strerror}") from None


def _write(report: "Report", as_json: Path | None, html: Path | None) -> None:
    """Write the report where it was asked for: a page, figures in a file or on standard output, else as a table."""
    if html is not None:
        from router.loadtest.page import page  # noqa: PLC0415 (only where one is wanted)

        html.write_text(page(report))
    if as_json is not None and str(as_json) == STANDARD_OUTPUT:
        sys.stdout.write(json.dumps(report.figures()) + "\n")
        return
    if as_json is not None:
        as_json.write_text(json.dumps(report.figures(), indent=2) + "\n")
    output.print_fields(report.fields())


@contextmanager
def _progress() -> Iterator["Tell | None"]:
    """Show what is published and what has arrived, on a terminal; None where there is none."""
    if not sys.stderr.isatty():
        yield None
        return
    with Progress(
        TextColumn("{task.description:>9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[note]}"),
        console=output.stderr(),
        transient=True,
    ) as bars:
        published, received = (bars.add_task(name, total=None, note="") for name in ("published", "received"))

        def tell(progress: "TestProgress") -> None:
            speed = bars.tasks[published].speed
            bars.update(
                published,
                completed=progress.published,
                total=progress.events,
                note=f"{speed:,.0f}/s" if speed and progress.phase == "publishing" else progress.phase,
            )
            bars.update(
                received,
                completed=progress.received,
                total=progress.expected,
                note="" if progress.p99_ms is None else f"p99 {progress.p99_ms:,.1f} ms",
            )

        yield tell
