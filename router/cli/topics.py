"""`router topics …`: the topics of the router on the broker."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from router.cli import output
from router.cli.connection import brokers
from router.cli.help import PlainCommand, PlainGroup
from router.cli.options import DEFAULT_DATA_DIR, AsJson, BootstrapServers, DataDir

if TYPE_CHECKING:
    from router.cli.topic_list import ListedTopic

app = typer.Typer(
    name="topics",
    cls=PlainGroup,
    help="The router's topics on the Kafka broker.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

EventPartitions = Annotated[
    int | None,
    typer.Option(
        "--event-partitions", metavar="N", min=1, max=1000, help="Partitions of workspace.events; 4 unless given."
    ),
]
ReplicationFactor = Annotated[
    int | None,
    typer.Option(
        "--replication-factor", metavar="N", min=1, max=32, help="Replicas of each when made; 1 unless given."
    ),
]


@app.command(cls=PlainCommand, epilog="router topics create --bootstrap-servers kafka:9092")
def create(
    bootstrap_servers: BootstrapServers = None,
    event_partitions: EventPartitions = None,
    replication_factor: ReplicationFactor = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Make the topics that are missing; those that exist stay as they are."""
    from router.cli.topic_list import router_topics  # noqa: PLC0415 (aiokafka is heavy)
    from router.kafka.admin import ensure_topics, partition_counts  # noqa: PLC0415
    from router.settings import load_settings  # noqa: PLC0415
    from topics import WORKSPACE_EVENTS  # noqa: PLC0415

    settings = load_settings(event_partitions=event_partitions, replication_factor=replication_factor)
    servers = brokers(bootstrap_servers, data_dir)
    topics = router_topics(settings.event_partitions)
    made = asyncio.run(ensure_topics(servers, topics, replication_factor=settings.replication_factor))
    events = WORKSPACE_EVENTS.name
    if event_partitions is not None and events not in made:
        there = asyncio.run(partition_counts(servers, [events])).get(events)
        if (words := unheeded(event_partitions, there)) is not None:
            output.warn(words)
    if as_json:
        output.print_json({"created": made, "existing": sorted({topic.name for topic in topics} - set(made))})
    elif made:
        output.say(f"Made {len(made)} topics at {servers}: {', '.join(made)}.")
    else:
        output.say(f"All {len(topics)} topics exist at {servers}; nothing to do.")


def unheeded(asked: int, there: int | None) -> str | None:
    """Say that the events' topic exists with another number of partitions than was asked for; None when it has that."""
    if there in (None, asked):
        return None
    return f"workspace.events has {there} partitions, not {asked}: a topic that exists stays as it is"


@app.command("list", cls=PlainCommand, epilog="router topics list --json")
def list_(
    bootstrap_servers: BootstrapServers = None, data_dir: DataDir = DEFAULT_DATA_DIR, as_json: AsJson = False
) -> None:
    """List the router's topics and its subscribers': which exist, their partitions, how long they keep events."""
    from router.cli.topic_list import list_topics  # noqa: PLC0415 (aiokafka is heavy)

    listed = asyncio.run(list_topics(brokers(bootstrap_servers, data_dir)))
    if as_json:
        output.print_json([topic.as_json() for topic in listed])
    else:
        output.print_table(("TOPIC", "EXISTS", "PARTITIONS", "KEEPS", "HOLDS"), [_row(topic) for topic in listed])


def _row(topic: "ListedTopic") -> list[str]:
    count = "" if topic.partitions is None else str(topic.partitions)
    return [topic.name, "no" if topic.partitions is None else "yes", count, topic.keeps, topic.holds]
