"""`router dead-letters …`: deliveries that were given up, why, and trying them again."""

import time
from typing import TYPE_CHECKING, Annotated, Final

import typer

from router.cli import output
from router.cli.help import PlainCommand, PlainGroup
from router.cli.history import (
    Json,
    Limit,
    OfSubscription,
    ask,
    detail_of,
    duration_of,
    moment,
    name_of,
    pages,
    shown,
    status_of,
    styled,
    with_client,
)
from router.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir
from router.client.resource_ids import segment
from router.errors import RefusedError, RouterError

if TYPE_CHECKING:
    from router.client.arm import ArmClient

app = typer.Typer(
    name="dead-letters",
    cls=PlainGroup,
    help="Deliveries that were given up: by cause, one by one, and tried again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
CAUSES: Final = ("CAUSE", "COUNT", "OLDEST")
COLUMNS: Final = ("DELIVERY", "SUBSCRIPTION", "EVENT", "REASON", "ATTEMPTS", "LAST OUTCOME", "AT")
ATTEMPTS: Final = ("ATTEMPT", "AT", "OUTCOME", "STATUS", "TOOK", "ANSWER")
LOOK_SECONDS: Final = 0.3

OfCause = Annotated[
    str | None, typer.Option("--cause", "-c", metavar="CAUSE", help="Only those of this cause, as `list` shows it.")
]
DeliveryId = Annotated[str, typer.Argument(metavar="DELIVERY", help="Id of the delivery, as `list` shows it.")]


@app.command(
    "list", cls=PlainCommand, epilog="router dead-letters list --subscription alerts\nrouter dead-letters list --json"
)
def list_(
    subscription: OfSubscription = None,
    cause: OfCause = None,
    limit: Limit = 20,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List dead letters: first their causes (who is at fault, status, what was said), then the newest of them."""
    causes: list[Json] = []
    found: list[Json] = []
    for page in pages(data_dir, "dead-letters", limit, subscription=subscription, cause=cause):
        causes = page["causes"]
        found += page["dead_letters"]
    if as_json:
        output.print_json({"causes": causes, "dead_letters": found})
    elif not found:
        output.remark("No dead letters.")
    else:
        output.print_table(CAUSES, [[one["cause"], str(one["count"]), moment(one["oldest"])] for one in causes])
        output.say("")
        output.print_table(COLUMNS, [_row(one) for one in found])
        total = sum(int(one["count"]) for one in causes)
        if total > len(found):
            output.remark(f"{len(found)} of {total}; --limit shows more.")


@app.command(cls=PlainCommand, epilog="router dead-letters show 0f2d6d0e-5a5c-5b1e-9d55-8c1d3c1f5a07")
def show(delivery: DeliveryId, data_dir: DataDir = DEFAULT_DATA_DIR, as_json: AsJson = False) -> None:
    """Show one dead letter: why it was given up, its attempts, and its event with --json."""
    found = ask(data_dir, f"dead-letters/{segment(delivery)}")
    if as_json:
        output.print_json(found)
        return
    output.print_fields(
        [
            ("delivery", str(found["delivery_id"])),
            ("subscription", str(found["subscription"])),
            ("event", shown(found["event_id"])),
            ("reason", str(found["reason"])),
            ("cause", str(found["cause"])),
            ("last outcome", str(found["last_outcome"])),
            ("attempts", str(found["attempts"])),
            ("given up", moment(found["at"])),
        ]
    )
    tries = found.get("delivery_attempts") or []
    if tries:
        output.say("")
        output.print_table(ATTEMPTS, [_attempt_row(one) for one in tries])


@app.command(
    cls=PlainCommand,
    epilog="router dead-letters redrive --subscription alerts --cause endpoint/503/busy\n"
    "router dead-letters redrive 0f2d6d0e-5a5c-5b1e-9d55-8c1d3c1f5a07",
)
def redrive(
    deliveries: Annotated[
        list[str] | None, typer.Argument(metavar="DELIVERY", help="Only these deliveries.", show_default=False)
    ] = None,
    subscription: OfSubscription = None,
    cause: OfCause = None,
    every: Annotated[bool, typer.Option("--all", help="All dead letters there are.")] = False,
    canary: Annotated[
        bool, typer.Option("--canary/--no-canary", help="First 1, then 10 %, then all; stop when they fail again.")
    ] = True,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is over.")] = True,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Put dead letters back into delivery, under the same delivery ids; attempts and time to live count anew."""
    if not (deliveries or subscription or cause or every):
        raise RefusedError(
            "nothing says which dead letters",
            hint="Give deliveries, --subscription, --cause, or --all for all of them.",
        )
    body: Json = {"subscription": subscription, "cause": cause, "delivery_ids": deliveries or None, "canary": canary}
    ended = with_client(data_dir, lambda client: _run(client, body, wait=wait, is_quiet=as_json))
    if as_json:
        output.print_json(ended)
    elif not ended["total"]:
        output.remark("No dead letters.")
    else:
        output.print_fields(
            [
                ("redrive", str(ended["id"])),
                ("state", styled(ended["state"])),
                ("delivered", f"{ended['delivered']} of {ended['total']}"),
                ("outcome", str(ended["detail"] or "under way")),
            ]
        )
    if ended["state"] in ("stopped", "failed"):
        raise RouterError(f"the redrive was {ended['state']}: {ended['detail']}")
    if ended["failed"] and not ended["delivered"]:
        raise RouterError(f"nothing was delivered: {ended['detail']}")
    unknown = len(set(deliveries or ())) - ended["total"]
    if unknown > 0 and not (subscription or cause):
        raise RouterError(
            f"{unknown} of the deliveries given are no dead letters", hint="See router dead-letters list."
        )


def _run(client: "ArmClient", body: Json, *, wait: bool, is_quiet: bool) -> Json:
    """Begin a redrive, and return it as it is at the end, or at once."""
    given = {name: value for name, value in body.items() if value is not None}
    state = client.request("POST", "/v1/dead-letters/redrive", None, given).body
    said = ""
    while wait and state["state"] == "running":
        time.sleep(LOOK_SECONDS)
        state = client.get(f"/v1/dead-letters/redrives/{state['id']}", {})
        words = f"{state['sent']} of {state['total']} sent, {state['delivered']} delivered, {state['failed']} failed"
        if words != said and state["total"] and not is_quiet:
            output.remark(words)
            said = words
    return state


def _row(dead: Json) -> list[output.Cell]:
    return [
        str(dead["delivery_id"]),
        name_of(dead["subscription"]),
        shown(dead["event_id"]),
        str(dead["reason"]),
        str(dead["attempts"]),
        str(dead["last_outcome"]),
        moment(dead["at"]),
    ]


def _attempt_row(attempt: Json) -> list[output.Cell]:
    return [
        str(attempt["attempt"]),
        moment(attempt["at"]),
        styled(attempt["outcome"]),
        status_of(attempt),
        duration_of(attempt),
        detail_of(attempt),
    ]
