"""`router custom-topic …`: sources of events of any kind, with the flags of `az eventgrid topic`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Final

import typer

from router.cli import output
from router.cli.arguments import Spelling, command_with
from router.cli.connection import arm_client
from router.cli.help import PlainCommand, PlainGroup
from router.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir
from router.cli.source_commands import DEFAULT_GROUP, ListedGroup, Regenerate, SourceKind
from router.cli.topic_mapping import InputSchema, topic_properties
from router.client.resource_ids import CUSTOM_TOPICS, EVENT_GRID_VERSION, custom_topic_id
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
KIND: Final = SourceKind("custom topic", "custom-topic", CUSTOM_TOPICS, EVENT_GRID_VERSION, custom_topic_id)
COLUMNS: "Final[dict[str, Callable[[Json], str]]]" = {
    "NAME": lambda one: str(one["name"]),
    "INPUT SCHEMA": lambda one: str(one["properties"]["inputSchema"]),
    "RESOURCE ID": lambda one: str(one["id"]),
}
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
        path = KIND.path(name, resource_group)
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
        _print(KIND.existing(arm, name, resource_group), as_json=as_json)


@app.command("list", cls=PlainCommand, epilog="router custom-topic list --json")
def list_(
    resource_group: ListedGroup = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List the custom topics."""
    KIND.print_list(data_dir, resource_group, COLUMNS, as_json=as_json)


@app.command(cls=PlainCommand, epilog="router custom-topic delete orders")
def delete(
    name: Name,
    resource_group: ResourceGroup = DEFAULT_GROUP,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Delete a custom topic with its event subscriptions; the topics of their subscribers stay."""
    _, arm = arm_client(data_dir)
    with arm:
        path = KIND.path(name, resource_group)
        answer = arm.request("DELETE", path, EVENT_GRID_VERSION)
        if answer.status == 204:  # noqa: PLR2004 (no content: there was nothing)
            raise NotFoundError(f"there is no custom topic {name}", hint="See router custom-topic list.")
        arm.wait(path, answer)
    output.say(f"Deleted {name}.")


@app.command(cls=PlainCommand, epilog="router custom-topic keys orders --regenerate key2")
def keys(
    name: Name,
    resource_group: ResourceGroup = DEFAULT_GROUP,
    regenerate: Regenerate = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show a custom topic's two access keys, or make one of them anew."""
    KIND.print_keys(data_dir, name, resource_group, regenerate, as_json=as_json)


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
