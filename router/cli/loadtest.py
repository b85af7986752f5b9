"""`router loadtest`: how fast it is, and whether every event arrived."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from router.cli import output
from router.cli.options import DEFAULT_DATA_DIR, DataDir


def loadtest(
    events: Annotated[int, typer.Option("--events", min=1, metavar="N", help="Events to publish.")] = 10_000,
    rate: Annotated[
        float, typer.Option("--rate", min=0, metavar="N", help="Events a second; 0 for as fast as possible.")
    ] = 1_000.0,
    subscriptions: Annotated[
        int, typer.Option("--subscriptions", min=1, metavar="N", help="Subscriptions that want the events.")
    ] = 1,
    sink: Annotated[
        Literal["topic", "webhook"], typer.Option("--sink", help="Where the subscriptions send: topic or webhook.")
    ] = "topic",
    matching: Annotated[
        float, typer.Option("--matching", min=0, max=1, metavar="SHARE", help="Share of the events that are wanted.")
    ] = 1.0,
    publish: Annotated[
        Literal["kafka", "http"], typer.Option("--publish", help="How events come in: http or kafka.")
    ] = "http",
    events_file: Annotated[
        Path | None,
        typer.Option("--events-file", metavar="FILE", exists=True, help="Event Grid events, one a line, to draw from."),
    ] = None,
    pause_worker: Annotated[
        float,
        typer.Option(
            "--pause-worker", min=0, metavar="SECONDS", help="Stop the workers of this machine for so long, halfway."
        ),
    ] = 0.0,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with plots.")] = None,
    as_json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the figures; - prints.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the subscriptions and their topics.")] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Publish events at a fixed rate, and verify every one of them at the receiver.

    The loop is open: events are sent when they are due, whatever became of those before, and latency counts from then.
    An event that is lost, or doubled on a topic, is exit code 1. It needs a router that runs: `router up`.
    """
    from router.client.access import find_access  # noqa: PLC0415 (heavy: only this command needs it)
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
    with _progress() as tell:
        report = asyncio.run(run_loadtest(options, find_access(data_dir, os.environ), tell))
    if html is not None:
        html.write_text(report.page())
    _write(report.figures(), as_json)
    if not report.is_good:
        output.warn(f"{report.lost} lost, {report.duplicates} doubled")
        raise typer.Exit(1)


def _write(figures: dict[str, Any], as_json: Path | None) -> None:
    """Write the figures where they were asked for: a file, standard output as JSON, or as a table."""
    if as_json is not None and str(as_json) != "-":
        as_json.write_text(json.dumps(figures, indent=2) + "\n")
    if as_json is not None and str(as_json) == "-":
        sys.stdout.write(json.dumps(figures) + "\n")
    else:
        latency = {f"latency {name} ms": value for name, value in figures.pop("latency_ms").items()}
        output.print_fields([(name.replace("_", " "), f"{value:,}") for name, value in (figures | latency).items()])


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show a bar for each phase, on a terminal."""
    with Progress(
        TextColumn("{task.description:>9}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
        console=output.stderr(),
        disable=not sys.stderr.isatty(),
        transient=True,
    ) as bars:
        phases: dict[str, TaskID] = {}

        def tell(phase: str, done: int, total: int) -> None:
            if phase not in phases:
                phases[phase] = bars.add_task(phase, total=total, speed="")
            task = bars.tasks[phases[phase]]
            speed = f"{task.speed:,.0f}/s" if task.speed else ""
            bars.update(phases[phase], completed=done, speed=speed)

        yield tell
