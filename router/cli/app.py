"""The commands, put together; and how they end."""

import sys
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from router.cli import custom_topic, dead_letters, event_subscription, events, principal, topics, workspace
from router.cli.apply import apply
from router.cli.attempts import attempts
from router.cli.azure_cli import azure_cli
from router.cli.consume import consume
from router.cli.demo import demo
from router.cli.explain import explain
from router.cli.failures import report
from router.cli.help import CONTEXT, PlainCommand, PlainGroup
from router.cli.loadtest import loadtest
from router.cli.processes import server, worker
from router.cli.publish import publish
from router.cli.up import up

RUN = "Run it"
USE = "Use it"

app = typer.Typer(
    name="router",
    cls=PlainGroup,
    help="Azure Event Grid for machine-learning workspaces, on your own Kafka.",
    epilog="router demo\nrouter up --data-dir .router\nrouter event-subscription create --help",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings=CONTEXT,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 (slow, and needed here only)

        sys.stdout.write(f"router {version('workspace-event-router')}\n")
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Route the events of machine-learning workspaces to topics and webhooks."""


def _add(panel: str, command: Callable[..., None], *examples: str) -> None:
    app.command(cls=PlainCommand, rich_help_panel=panel, epilog="\n".join(examples))(command)


_add(RUN, demo, "router demo", "router demo --stay")
_add(RUN, up, "router up", "router up --data-dir /var/lib/router --port 8080 --workers 2")
_add(RUN, server, "router server --bootstrap-servers kafka:9092 --port 8080")
_add(RUN, worker, "router worker --bootstrap-servers kafka:9092 --stages fanout,delivery")
app.add_typer(topics.app, rich_help_panel=RUN)
app.add_typer(workspace.app, rich_help_panel=USE)
app.add_typer(custom_topic.app, rich_help_panel=USE)
app.add_typer(event_subscription.app, rich_help_panel=USE)
app.add_typer(principal.app, rich_help_panel=USE)
_add(USE, apply, "router apply -f subscriptions.yaml --dry-run", "router apply -f subscriptions.yaml --prune")
_add(USE, azure_cli, "source <(router azure-cli)", "router azure-cli --run", "router azure-cli --undo --run")
_add(USE, publish, "router publish events.json", "cat events.jsonl | router publish - --workspace local")
_add(USE, explain, "router explain event.json", "router explain event.json --subscription alerts --json")
_add(
    USE,
    loadtest,
    "router loadtest --rate 1000 --events 10000",
    "router loadtest --rate 0 --events 100000 --publish kafka --subscriptions 10 --html report.html",
)
_add(USE, consume, "router consume drift --from-beginning --max 10 --json")
app.add_typer(events.app, rich_help_panel=USE)
_add(USE, attempts, "router attempts --subscription alerts --outcome failed", "router attempts --event ID --json")
app.add_typer(dead_letters.app, rich_help_panel=USE)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command of the command line and exit: 0 when it did what was asked."""
    try:
        app(arguments, prog_name="router")
    except Exception as error:  # noqa: BLE001 (the last one to catch it: people get words, no traceback)
        sys.exit(report(error))
