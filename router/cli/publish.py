"""`router publish`: events from a file or standard input to the publish endpoint."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from router.cli import output
from router.cli.connection import access_to
from router.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir
from router.errors import RefusedError, RouterError

if TYPE_CHECKING:
    from router.client.batches import Batch

STANDARD_INPUT = "-"
NAMED_EVENTS = 10
"""Events of a refused batch that are named; the rest are counted."""


def publish(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="JSON file of events; - is standard input.")],
    workspace: Annotated[
        str | None, typer.Option("--workspace", metavar="NAME", help="Workspace to publish to; local unless given.")
    ] = None,
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size", metavar="N", min=1, max=5000, help="Most events in one request (of 1 MB at most)."
        ),
    ] = 500,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Publish events to a workspace.

    The file holds a JSON array of events, a single event, or one event a line; in the Event Grid schema or as
    CloudEvents 1.0, also mixed. The bytes of an event are sent as they stand in the file.
    """
    from router.client.batches import cut, read_events  # noqa: PLC0415 (httpx is heavy)
    from router.client.publishing import publisher_for  # noqa: PLC0415

    events = read_events(_read(file))
    accepted = 0
    with publisher_for(access_to(data_dir), workspace) as publisher, _progress() as progress:
        task = progress.add_task("publishing", total=len(events))
        for batch in cut(events, batch_size):
            try:
                publisher.publish(batch)
            except RouterError as error:
                raise _refused(error, batch, accepted, len(events)) from error
            accepted += len(batch.events)
            progress.advance(task, len(batch.events))
    if as_json:
        output.print_json({"accepted": accepted})
    else:
        output.say(f"{accepted} event{'' if accepted == 1 else 's'} accepted.")


def _read(file: str) -> bytes:
    if file == STANDARD_INPUT:
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise RefusedError(f"cannot read {file}: {error.strerror}", hint="Give a file of events, or -.") from None


def _progress() -> Progress:
    """Return a progress bar on stderr, which shows on a terminal only."""
    console = output.stderr()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _refused(error: RouterError, batch: "Batch", accepted: int, total: int) -> RouterError:
    """Return the error with the events that it is about, and how far it had gone."""
    named = ", ".join(map(str, batch.events[:NAMED_EVENTS]))
    more = len(batch.events) - NAMED_EVENTS
    rest = f" and {more} more" if more > 0 else ""
    hint = f"Not accepted: {named}{rest}. {accepted} of {total} events were accepted before."
    return RouterError(error.message, hint=f"{hint} {error.hint}" if error.hint else hint)
