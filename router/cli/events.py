"""`router events …`: an event, and what became of it."""

from typing import Annotated, Any, Final

import typer

from router.cli import output
from router.cli.help import PlainCommand, PlainGroup
from router.cli.history import Json, ask, detail_of, duration_of, moment, name_of, shown, status_of, styled
from router.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir
from router.client.resource_ids import segment

app = typer.Typer(
    name="events",
    cls=PlainGroup,
    help="Accepted events: whom they matched, and what became of them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
COLUMNS: Final = ("SUBSCRIPTION", "STATE", "ATTEMPT", "AT", "OUTCOME", "STATUS", "TOOK", "ANSWER")


@app.callback()
def events() -> None:
    """Accepted events: whom they matched, and what became of them."""


@app.command(cls=PlainCommand, epilog="router events show 4a1c5f0e-8d5c-4a51-b8b6-2f8a7c2d9f30")
def show(
    event_id: Annotated[str, typer.Argument(metavar="ID", help="Id of the event.")],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show one event: when it was accepted, whom it matched, and each attempt with status, duration and answer."""
    found = ask(data_dir, f"events/{segment(event_id)}")
    if as_json:
        output.print_json(found)
        return
    output.print_fields([*_about(found.get("event") or {}), ("accepted", moment(found["accepted_at"]))])
    deliveries = found.get("deliveries") or []
    if not deliveries:
        output.remark("\nNo subscription wanted it. router explain says why.")
        return
    output.say("")
    output.print_table(COLUMNS, [row for delivery in deliveries for row in _rows(delivery)])


def _about(event: Json) -> list[tuple[str, Any]]:
    names = (("id", "id"), ("type", "eventType"), ("type", "type"), ("subject", "subject"))
    return [(label, shown(event[name])) for label, name in names if event.get(name) is not None]


def _rows(delivery: Json) -> list[list[output.Cell]]:
    """Return a row for each attempt, the subscription and its state named once."""
    head: list[output.Cell] = [name_of(delivery["subscription"]), styled(delivery["state"])]
    tries: list[list[output.Cell]] = [
        [
            str(attempt["attempt"]),
            moment(attempt["at"]),
            styled(attempt["outcome"]),
            status_of(attempt),
            duration_of(attempt),
            detail_of(attempt),
        ]
        for attempt in delivery.get("attempts") or ()
    ]
    if not tries:
        return [[*head, *[""] * 6]]
    nobody: list[output.Cell] = ["", ""]
    return [[*(nobody if number else head), *cells] for number, cells in enumerate(tries)]
