"""`router custom-topic …`: sources of events of any kind, with the flags of `az eventgrid topic`."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

from router.cli import output
from router.cli.arguments import Spelling, command_with
from router.cli.connection import arm_client
from router.cli.help import PlainCommand, PlainGroup
from router.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir
from router.cli.topic_mapping import InputSchema, topic_properties
from router.cli.workspace import DEFAULT_GROUP, KeyName
from router.client.resource_ids import CUSTOM_TOPICS, EVENT_GRID_VERSION, LOCAL_GROUP, custom_topic_id
from router.errors import NotFoundError

if TYPE_CHECKING:
    from router.client.arm import Json

app = typer.Typer(
    name="custom-topic",
    cls=PlainGroup,
    help="Custom topics: where events of your own come from, and their keys.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
MAPPING: Final = Spelling(spread=frozenset({"--input-mapping-fields", "--input-mapping-default-values"}))
SpelledCommand: Final = command_with(MAPPING)
CREATE_EXAMPLES: Final = """
router custom-topic create orders
router custom-topic create clouds --input-schema CloudEventSchemaV1_0
router custom-topic create legacy --input-schema CustomEventSchema \\
  --input-mapping-fields id=myId eventType=kind --input-mapping-default-values subject=none
"""

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the custom topic, or its resource id.")]
ResourceGroup = Annotated[
    str, typer.Option("--resource-group", "-g", metavar="GROUP", help="Resource group that the topic belongs to.")
]


@app.command(cls=SpelledCommand, epilog=CREATE_EXAMPLES)
def create(
    name: Name,
    input_schema: Annotated[
        InputSchema,
        typer.Option("--input-schema", case_sensitive=False, help="Schema in which events are published to it."),
    ] = InputSchema.event_grid,
    input_mapping_fields: Annotated[
        list[str] | None,
        typer.Option(
            "--input-mapping-fields",
            metavar="PROPERTY=FIELD…",
            help="For CustomEventSchema: the fields that hold id, topic, eventTime, eventType, subject, dataVersion.",
        ),
    ] = None,
    input_mapping_default_values: Annotated[
        list[str] | None,
        typer.Option(
            "--input-mapping-default-values",
            metavar="PROPERTY=VALUE…",
            help="For CustomEventSchema: what stands in for a missing eventType, subject or dataVersion.",
        ),
    ] = None,
    resource_group: ResourceGroup = DEFAULT_GROUP,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Create a custom topic with two keys of its own; one that exists keeps its keys."""
    properties = topic_properties(input_schema, input_mapping_fields or (), input_mapping_default_values or ())
    _, arm = arm_client(data_dir)
    with arm:
        path = _path(name, resource_group)
        answer = arm.request("PUT", path, EVENT_GRID_VERSION, {"location": "local", "properties": properties})
        _print(arm.wait_until_settled(path, answer), as_json=as_json)


@app.command(cls=PlainCommand, epilog="router custom-topic show orders")
def show(
    name: Name,
    resource_group: ResourceGroup = DEFAULT_GROUP,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show a custom topic: its schema and where to publish to it."""
    _, arm = arm_client(data_dir)
    with arm:
        try:
            found = arm.get(_path(name, resource_group))
        except NotFoundError as error:
            raise _missing(name, error) from None
        _print(found, as_json=as_json)


@app.command("list", cls=PlainCommand, epilog="router custom-topic list --json")
def list_(
    resource_group: Annotated[
        str | None, typer.Option("--resource-group", "-g", metavar="GROUP", help="Only those of this group.")
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List the custom topics."""
    _, arm = arm_client(data_dir)
    scope = LOCAL_GROUP.partition("/resourceGroups/")[0] if resource_group is None else _group(resource_group)
    with arm:
        found = list(arm.pages(f"{scope}/{CUSTOM_TOPICS}"))
    if as_json:
        output.print_json(found)
    else:
        rows = [[str(one["name"]), str(one["properties"]["inputSchema"]), str(one["id"])] for one in found]
        output.print_table(("NAME", "INPUT SCHEMA", "RESOURCE ID"), rows)


@app.command(cls=PlainCommand, epilog="router custom-topic delete orders")
def delete(
    name: Name,
    resource_group: ResourceGroup = DEFAULT_GROUP,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Delete a custom topic with its event subscriptions; the topics of their subscribers stay."""
    _, arm = arm_client(data_dir)
    with arm:
        path = _path(name, resource_group)
        answer = arm.request("DELETE", path, EVENT_GRID_VERSION)
        if answer.status == 204:  # noqa: PLR2004 (no content: there was nothing)
            raise NotFoundError(f"there is no custom topic {name}", hint="See router custom-topic list.")
        arm.wait(path, answer)
    output.say(f"Deleted {name}.")


@app.command(cls=PlainCommand, epilog="router custom-topic keys orders --regenerate key2")
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
    """Show a custom topic's two access keys, or make one of them anew."""
    _, arm = arm_client(data_dir)
    path = _path(name, resource_group)
    action, body = ("listKeys", None) if regenerate is None else ("regenerateKey", {"keyName": regenerate.value})
    with arm:
        try:
            found = arm.request("POST", f"{path}/{action}", EVENT_GRID_VERSION, body).body
        except NotFoundError as error:
            raise _missing(name, error) from None
    if as_json:
        output.print_json(found)
    else:
        output.print_fields([(key.value, str(found.get(key.value, ""))) for key in KeyName])


def _group(resource_group: str) -> str:
    return f"{LOCAL_GROUP.rpartition('/')[0]}/{resource_group}"


def _path(name: str, resource_group: str) -> str:
    return custom_topic_id(name, _group(resource_group))


def _missing(name: str, error: NotFoundError) -> NotFoundError:
    return NotFoundError(f"there is no custom topic {name}: {error.message}", hint="See router custom-topic list.")


def _print(topic: "Json", *, as_json: bool) -> None:
    if as_json:
        output.print_json(topic)
        return
    output.print_fields(
        [
            ("name", str(topic.get("name"))),
            ("resource id", str(topic.get("id"))),
            ("input schema", str(topic["properties"]["inputSchema"])),
            ("publish to", str(topic["properties"]["endpoint"])),
            ("keys", f"router custom-topic keys {topic.get('name')}"),
        ]
    )
