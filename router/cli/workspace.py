"""`router workspace …`: the sources of events, and their keys."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from router.cli import output
from router.cli.connection import arm_client
from router.cli.help import PlainCommand, PlainGroup
from router.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir
from router.cli.source_commands import DEFAULT_GROUP, ListedGroup, Regenerate, SourceKind
from router.client.resource_ids import WORKSPACES, WORKSPACES_VERSION, workspace_id

if TYPE_CHECKING:
    from router.client.access import Access
    from router.client.arm import Json

app = typer.Typer(
    name="workspace",
    cls=PlainGroup,
    help="Workspaces: where events come from, and their keys.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
KIND: Final = SourceKind("workspace", "workspace", WORKSPACES, WORKSPACES_VERSION, workspace_id)
COLUMNS: "Final[dict[str, Callable[[Json], str]]]" = {
    "NAME": lambda one: str(one["name"]),
    "LOCATION": lambda one: str(one.get("location", "")),
    "RESOURCE ID": lambda one: str(one["id"]),
}

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the workspace, or its resource id.")]
ResourceGroup = Annotated[
    str, typer.Option("--resource-group", "-g", metavar="GROUP", help="Resource group that the workspace belongs to.")
]


@app.command(cls=PlainCommand, epilog="router workspace create vision")
def create(
    name: Name,
    resource_group: ResourceGroup = DEFAULT_GROUP,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Create a workspace with two keys of its own; one that exists keeps its keys."""
    access, arm = arm_client(data_dir)
    with arm:
        path = KIND.path(name, resource_group)
        answer = arm.request("PUT", path, WORKSPACES_VERSION, {"location": "local", "properties": {}})
        for warning in answer.warnings:
            output.warn(warning)
        _print(access, answer.body, as_json=as_json)


@app.command(cls=PlainCommand, epilog="router workspace show local")
def show(
    name: Name,
    resource_group: ResourceGroup = DEFAULT_GROUP,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show a workspace: its resource id and where to publish its events."""
    access, arm = arm_client(data_dir)
    with arm:
        _print(access, KIND.existing(arm, name, resource_group), as_json=as_json)


@app.command("list", cls=PlainCommand, epilog="router workspace list --json")
def list_(
    resource_group: ListedGroup = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List the workspaces."""
    KIND.print_list(data_dir, resource_group, COLUMNS, as_json=as_json)


@app.command(cls=PlainCommand, epilog="router workspace keys local --regenerate key2")
def keys(
    name: Name,
    resource_group: ResourceGroup = DEFAULT_GROUP,
    regenerate: Regenerate = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show a workspace's two access keys, or make one of them anew."""
    KIND.print_keys(data_dir, name, resource_group, regenerate, as_json=as_json)


def _print(access: "Access", workspace: "Json", *, as_json: bool) -> None:
    if as_json:
        output.print_json(workspace)
        return
    name = str(workspace.get("name"))
    output.print_fields(
        [
            ("name", name),
            ("resource id", str(workspace.get("id"))),
            ("publish to", f"{access.server}/workspaces/{name}/api/events"),
            ("keys", f"router workspace keys {name}"),
        ]
    )
