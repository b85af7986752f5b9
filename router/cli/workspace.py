"""`router workspace …`: the sources of events, and their keys."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from router.cli import output
from router.cli.connection import arm_client
from router.cli.help import PlainCommand, PlainGroup
from router.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir
from router.client.resource_ids import LOCAL_GROUP, WORKSPACES, WORKSPACES_VERSION, last_segment, workspace_id
from router.errors import NotFoundError

if TYPE_CHECKING:
    from router.client.access import Access
    from router.client.arm import ArmClient, Json

app = typer.Typer(
    name="workspace",
    cls=PlainGroup,
    help="Workspaces: where events come from, and their keys.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
DEFAULT_GROUP: Final = last_segment(LOCAL_GROUP)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the workspace, or its resource id.")]
ResourceGroup = Annotated[
    str, typer.Option("--resource-group", "-g", metavar="GROUP", help="Resource group that the workspace belongs to.")
]


class KeyName(StrEnum):
    """The two keys of a workspace; either lets publish."""

    key1 = "key1"
    key2 = "key2"


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
        path = _path(name, resource_group)
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
        _print(access, _existing(arm, _path(name, resource_group), name), as_json=as_json)


@app.command("list", cls=PlainCommand, epilog="router workspace list --json")
def list_(
    resource_group: Annotated[
        str | None, typer.Option("--resource-group", "-g", metavar="GROUP", help="Only those of this group.")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List the workspaces."""
    _, arm = arm_client(data_dir)
    scope = LOCAL_GROUP.partition("/resourceGroups/")[0] if resource_group is None else _group(resource_group)
    with arm:
        found = list(arm.pages(f"{scope}/{WORKSPACES}", WORKSPACES_VERSION))
    if as_json:
        output.print_json(found)
    else:
        rows = [[str(item["name"]), str(item.get("location", "")), str(item["id"])] for item in found]
        output.print_table(("NAME", "LOCATION", "RESOURCE ID"), rows)


@app.command(cls=PlainCommand, epilog="router workspace keys local --regenerate key2")
def keys(
    name: Name,
    resource_group: ResourceGroup = DEFAULT_GROUP,
    regenerate: Annotated[
        KeyName | None,
        typer.Option("--regenerate", help="Make this key anew; the old one stops working at once."),
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show a workspace's two access keys, or make one of them anew."""
    _, arm = arm_client(data_dir)
    path = _path(name, resource_group)
    with arm:
        try:
            if regenerate is None:
                found = arm.request("POST", f"{path}/listKeys", WORKSPACES_VERSION).body
            else:
                found = arm.request(
                    "POST", f"{path}/regenerateKey", WORKSPACES_VERSION, {"keyName": regenerate.value}
                ).body
        except NotFoundError as error:
            raise _missing(name, error) from None
    if as_json:
        output.print_json(found)
    else:
        output.print_fields([(key.value, str(found.get(key.value, ""))) for key in KeyName])


def _group(resource_group: str) -> str:
    return f"{LOCAL_GROUP.rpartition('/')[0]}/{resource_group}"


def _path(name: str, resource_group: str) -> str:
    return workspace_id(name, _group(resource_group))


def _existing(arm: "ArmClient", path: str, name: str) -> "Json":
    try:
        return arm.get(path, WORKSPACES_VERSION)
    except NotFoundError as error:
        raise _missing(name, error) from None


def _missing(name: str, error: NotFoundError) -> NotFoundError:
    return NotFoundError(f"there is no workspace {name}: {error.message}", hint="See router workspace list.")


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
