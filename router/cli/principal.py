"""`router principal …`: service principals, for programs that manage or publish with a token of their own."""

from enum import StrEnum
from typing import Annotated

import typer

from router.cli import output
from router.cli.connection import arm_client
from router.cli.help import PlainCommand, PlainGroup
from router.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir
from router.client.resource_ids import segment

app = typer.Typer(
    name="principal",
    cls=PlainGroup,
    help="Service principals: client id and secret, with a role on a scope.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
PATH = "/v1/principals"


class RoleName(StrEnum):
    """What a principal may do: manage (the first two), look, or publish."""

    owner = "Owner"
    contributor = "Contributor"
    reader = "Reader"
    sender = "EventGrid Data Sender"


Name = Annotated[str, typer.Option("--name", "-n", metavar="NAME", help="Name of the principal.")]
Roles = Annotated[list[RoleName], typer.Option("--role", help="What it may do; may be given several times.")]
Scope = Annotated[
    str,
    typer.Option("--scope", metavar="ID", help="Resource id on which and below which it may; / is everything."),
]


@app.command(cls=PlainCommand, epilog='router principal create --name trainer --role "EventGrid Data Sender"')
def create(
    name: Name, role: Roles, scope: Scope = "/", data_dir: DataDir = DEFAULT_DATA_DIR, as_json: AsJson = False
) -> None:
    """Create a principal and show its secret, which nobody can show again."""
    _, arm = arm_client(data_dir)
    body = {"name": name, "assignments": [{"role": one.value, "scope": scope} for one in role]}
    with arm:
        made = arm.request("POST", PATH, body=body).body
    if as_json:
        output.print_json(made)
        return
    output.print_fields(
        [
            ("client id", made["appId"]),
            ("client secret", made["password"]),
            ("tenant", made["tenant"]),
            ("roles", ", ".join(f"{one['role']} on {one['scope']}" for one in made["assignments"])),
        ]
    )
    output.remark("Keep the secret: it cannot be shown again.")


@app.command("list", cls=PlainCommand, epilog="router principal list --json")
def list_(data_dir: DataDir = DEFAULT_DATA_DIR, as_json: AsJson = False) -> None:
    """List the principals; secrets are not shown."""
    _, arm = arm_client(data_dir)
    with arm:
        found = arm.get(PATH, {})["principals"]
    if as_json:
        output.print_json(found)
        return
    rows = [
        [one["displayName"], one["appId"], ", ".join(f"{a['role']} on {a['scope']}" for a in one["assignments"])]
        for one in found
    ]
    output.print_table(("NAME", "CLIENT ID", "ROLES"), rows)


@app.command(cls=PlainCommand, epilog="router principal delete --name trainer")
def delete(name: Name, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Delete a principal; its tokens stop working at once."""
    _, arm = arm_client(data_dir)
    with arm:
        arm.request("DELETE", f"{PATH}/{segment(name)}")
    output.say(f"deleted {name}")
