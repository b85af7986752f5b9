"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_DATA_DIR = Path(".router")

DataDir = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        metavar="DIR",
        envvar="ROUTER_DATA_DIR",
        help="Directory of the router: credentials, keys, logs, the embedded Kafka.",
        rich_help_panel="Where",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]
BootstrapServers = Annotated[
    str | None,
    typer.Option(
        "--bootstrap-servers",
        metavar="HOST:PORT,…",
        envvar="ROUTER_BOOTSTRAP_SERVERS",
        help="Kafka brokers; those of credentials.json unless given.",
        rich_help_panel="Where",
    ),
]
SourceResourceId = Annotated[
    str | None,
    typer.Option(
        "--source-resource-id",
        metavar="ID",
        help="Resource id of the workspace or topic whose events are wanted; the local workspace unless given.",
    ),
]
SubscriptionName = Annotated[str, typer.Option("--name", "-n", metavar="NAME", help="Name of the event subscription.")]
