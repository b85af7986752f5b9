"""The board for people: a live table, a line for each thing that happens, and the summary at the end."""

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Final

from rich import box
from rich.table import Table
from rich.text import Text

from router.demo.board import Board, Called, Cell, GivenUp, Observation, Postponed, State
from router.demo.plan import Wish, short_type
from router.demo.samples import Sample

SUBJECT_WIDTH: Final = 30
LABEL_WIDTH: Final = 22
ROOM: Final = (104, 30)
"""Columns and lines of a terminal from which on the whole table has room."""
STYLES: Final[dict[State, str]] = {
    "delivered": "green",
    "waiting": "yellow",
    "retrying": "yellow",
    "dead-lettered": "red",
    "filtered out": "dim",
}


def table(board: Board, now: datetime, *, compact: bool = False) -> Table:
    """Return the events as rows and the subscriptions as columns; `compact` fits into 80 columns and 20 lines."""
    grid = Table(title="Who got what, and why not", title_justify="left", box=box.SIMPLE if compact else box.ROUNDED)
    grid.add_column("event", no_wrap=True)
    for wish in board.wishes:
        kind = "" if compact else f"\n{_kind(wish)}"
        grid.add_column(Text.assemble(wish.name, (kind, "dim")), no_wrap=compact)
    words = cell_words if compact else cell_text
    for sample in board.samples:
        cells = [board.cell(wish, sample) for wish in board.wishes]
        label = _label(sample, compact=compact)
        grid.add_row(label, *(Text(words(cell, now), style=STYLES[cell.state]) for cell in cells))
    return grid


def cell_text(cell: Cell, now: datetime) -> str:
    """Say in two lines how far a cell is."""
    after = "" if cell.seconds is None else f"\nafter {cell.seconds * 1000:.0f} ms"
    statuses = ", ".join(map(str, cell.answers))
    match cell.state:
        case "filtered out":
            return f"filtered out\nby {_condition(cell.why_not or '')}"
        case "waiting":
            return "…"
        case "delivered":
            return "delivered" + after
        case "retrying":
            wait = _seconds_left(cell, now)
            return f"failed: {statuses}" + ("" if wait is None else f"\nretry in {wait:.0f} s")
        case "dead-lettered":
            return f"dead-lettered\nfailed: {statuses}"


def cell_words(cell: Cell, now: datetime) -> str:
    """Say in very few words how far a cell is."""
    match cell.state:
        case "filtered out":
            return f"no: {_condition(cell.why_not or '')}"
        case "waiting":
            return "…"
        case "delivered":
            return "✓" if cell.seconds is None else f"✓ {cell.seconds * 1000:.0f} ms"
        case "retrying":
            wait = _seconds_left(cell, now)
            return "✗ failed" if wait is None else f"✗ retry {wait:.0f} s"
        case "dead-lettered":
            return "✗ dead"


def line(observation: Observation, cell: Cell) -> Text:
    """Tell one observation in a sentence."""
    event = f"{short_type(cell.sample.envelope.type)} {cell.sample.envelope.subject}"
    start = Text.assemble((f"{cell.wish.name:<11}", "bold"))
    match observation:
        case Postponed(due=due):
            return start + Text(f"retry of {event} is due at {due.astimezone():%H:%M:%S}", style="yellow")
        case GivenUp(reason=reason, attempts=attempts):
            return start + Text(f"{event} dead-lettered after {attempts} attempts: {reason}", style="red")
        case Called(status=status) if status >= HTTPStatus.BAD_REQUEST:
            return start + Text(f"delivery of {event} failed: the webhook answered {status}", style="yellow")
        case _:
            return start + Text(f"got {event}", style="green")


def left_out(board: Board) -> Iterator[Text]:
    """Tell for each subscription which events were filtered out, and by which condition."""
    for wish in board.wishes:
        conditions = Counter(cell.why_not for cell in board.cells_of(wish) if cell.why_not is not None)
        for reason, count in conditions.items():
            yield Text.assemble((f"{wish.name:<11}", "bold"), (f"{count} filtered out: {reason}", "dim"))


def summary(board: Board) -> Table:
    """Return a row for each subscription: where it sends, what it got, what not and why."""
    grid = Table(title="Summary", title_justify="left", box=box.ROUNDED)
    for column in ("subscription", "sends to", "outcome"):
        grid.add_column(column, overflow="fold")
    for wish in board.wishes:
        grid.add_row(Text(wish.name, style="bold"), _target(wish), outcome(board.cells_of(wish)))
    return grid


def outcome(cells: Sequence[Cell]) -> Text:
    """Count what became of a subscription's events, with the reasons."""
    counts = Counter(cell.state for cell in cells)
    lines = []
    for state, style in STYLES.items():
        if counts[state]:
            lines.append(Text(f"{counts[state]} {state}", style=style))
            lines += [Text(f"  {reason}", style="dim") for reason in _reasons(cells, state)]
    return Text("\n").join(lines)


def _reasons(cells: Sequence[Cell], state: State) -> list[str]:
    """Say why cells are in a state, and how many for the same reason."""
    reasons: Counter[str] = Counter()
    for cell in cells:
        if cell.state == state == "filtered out" and cell.why_not is not None:
            reasons[cell.why_not] += 1
        if cell.state == state == "dead-lettered" and cell.given_up is not None:
            answers = " and ".join(map(str, cell.answers))
            reasons[f"the webhook answered {answers}: {cell.given_up.reason}"] += 1
    return [f"{count}: {reason}" for reason, count in reasons.items()]


def shortened(text: str, width: int) -> str:
    """Return text cut to a width."""
    return text if len(text) <= width else text[: width - 1] + "…"


def _kind(wish: Wish) -> str:
    if wish.topic is not None:
        return "topic"
    return "webhook that fails" if wish.is_broken else "webhook"


def _target(wish: Wish) -> str:
    return f"topic {wish.topic}" if wish.topic is not None else _kind(wish)


def _condition(why_not: str) -> str:
    """Return the condition in a word; the whole sentence stands below the table."""
    return "subject" if "subject" in why_not else "type"


def _seconds_left(cell: Cell, now: datetime) -> float | None:
    return None if cell.due is None else max((cell.due - now).total_seconds(), 0)


def _label(sample: Sample, *, compact: bool) -> Text:
    name, subject = short_type(sample.envelope.type), sample.envelope.subject or ""
    if compact:
        return Text.assemble(
            (name, "bold"), (" " + shortened(subject.rpartition("/")[2], LABEL_WIDTH - len(name)), "dim")
        )
    return Text.assemble((name, "bold"), ("\n" + shortened(subject, SUBJECT_WIDTH), "dim"))
