"""`router attempts`: what was tried to deliver, and how it ended."""

from enum import StrEnum
from typing import Annotated, Final

import typer

from router.cli import output
from router.cli.history import (
    Json,
    Limit,
    OfSubscription,
    detail_of,
    duration_of,
    moment,
    name_of,
    pages,
    shown,
    status_of,
    styled,
)
from router.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir

COLUMNS: Final = ("AT", "SUBSCRIPTION", "EVENT", "ATTEMPT", "OUTCOME", "STATUS", "TOOK", "ANSWER")


class Outcome(StrEnum):
    """How an attempt ended."""

    delivered = "delivered"
    failed = "failed"
    rejected = "rejected"


def attempts(
    subscription: OfSubscription = None,
    event: Annotated[
        str | None, typer.Option("--event", "-e", metavar="ID", help="Only those of the event with this id.")
    ] = None,
    outcome: Annotated[Outcome | None, typer.Option("--outcome", help="Only those that ended so.")] = None,
    limit: Limit = 50,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show attempts to deliver to webhooks: when, how they ended, how long they took and what the endpoint said."""
    found: list[Json] = []
    wanted = None if outcome is None else outcome.value
    for page in pages(data_dir, "attempts", limit, subscription=subscription, event=event, outcome=wanted):
        found += page["attempts"]
    if as_json:
        output.print_json(found)
    elif found:
        output.print_table(COLUMNS, [row(attempt) for attempt in found])
    else:
        output.remark("No such attempts. Events to topics are written without attempts: see router events show.")


def row(attempt: Json) -> list[output.Cell]:
    """Return an attempt's row under COLUMNS."""
    return [
        moment(attempt["at"]),
        name_of(attempt["subscription"]),
        shown(attempt["event_id"]),
        str(attempt["attempt"]),
        styled(attempt["outcome"]),
        status_of(attempt),
        duration_of(attempt),
        detail_of(attempt),
    ]
