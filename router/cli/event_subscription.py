"""`router event-subscription …`: who wants which events, with the flags of `az eventgrid event-subscription`."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from router.cli import output
from router.cli.arguments import command_with
from router.cli.connection import arm_client
from router.cli.flags import taking
from router.cli.help import PlainCommand, PlainGroup
from router.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir, SourceResourceId, SubscriptionName
from router.cli.subscription_flags import SPELLING, SubscriptionFlags
from router.client.resource_ids import EVENT_GRID_VERSION, EVENT_SUBSCRIPTIONS, event_subscription_id
from router.errors import NotFoundError, PreconditionError, RefusedError

if TYPE_CHECKING:
    from router.client.access import Access
    from router.client.arm import Answer, ArmClient, Json

app = typer.Typer(
    name="event-subscription",
    cls=PlainGroup,
    help="Say who wants which events, and where they go.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
SpelledCommand: Final = command_with(SPELLING)
PAGE: Final = {"$top": "100"}

CREATE_EXAMPLES: Final = """
router event-subscription create --name alerts \\
  --included-event-types Microsoft.MachineLearningServices.ModelRegistered \\
  --subject-begins-with "models/mymodelname" --endpoint http://127.0.0.1:9000/hook

router event-subscription create --name drift --endpoint-type topic --endpoint drift \\
  --advanced-filter data.driftCoefficient NumberGreaterThan 0.7
"""
UPDATE_EXAMPLE: Final = (
    "router event-subscription update --name alerts --max-delivery-attempts 5 --labels team-a urgent"
)


@app.command(cls=SpelledCommand, epilog=CREATE_EXAMPLES)
@taking(SubscriptionFlags)
def create(
    flags: SubscriptionFlags,
    name: SubscriptionName,
    source_resource_id: SourceResourceId = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Create an event subscription, or replace the one of that name.

    A webhook must answer the validation handshake before events are sent to it; the command waits until it did.
    """
    from router.cli.subscription_body import properties_of  # noqa: PLC0415 (pydantic is heavy)

    properties = properties_of(flags)
    with _addressed(name, source_resource_id, data_dir) as (arm, path):
        answer = arm.request("PUT", path, EVENT_GRID_VERSION, {"properties": properties})
        _show_settled(arm, path, answer, as_json=as_json)


@app.command(cls=SpelledCommand, epilog=UPDATE_EXAMPLE)
@taking(SubscriptionFlags)
def update(
    flags: SubscriptionFlags,
    name: SubscriptionName,
    source_resource_id: SourceResourceId = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Change an event subscription: what is given is replaced, everything else stays.

    Lists such as the event types and the advanced filters are replaced as a whole.
    """
    from router.cli.subscription_body import changes_of  # noqa: PLC0415 (pydantic is heavy)

    with _addressed(name, source_resource_id, data_dir) as (arm, path):
        answer = None
        while answer is None:
            existing = _existing(arm, path, name)
            changes = changes_of(flags, existing.body.get("properties") or {})
            with suppress(PreconditionError):  # somebody else was faster: on top of that, then
                conditions = {"If-Match": existing.etag or "*"}
                answer = arm.request("PATCH", path, EVENT_GRID_VERSION, changes, conditions)
        _show_settled(arm, path, answer, as_json=as_json)


@app.command(cls=PlainCommand, epilog="router event-subscription show --name alerts --include-full-endpoint-url")
def show(
    name: SubscriptionName,
    source_resource_id: SourceResourceId = None,
    include_full_endpoint_url: Annotated[
        bool, typer.Option("--include-full-endpoint-url", help="Show a webhook's URL with its query, secrets included.")
    ] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show one event subscription."""
    with _addressed(name, source_resource_id, data_dir) as (arm, path):
        resource = _existing(arm, path, name).body
        url = _full_url(arm, path, resource) if include_full_endpoint_url else None
    if as_json:
        output.print_json(resource)
    else:
        from router.cli.subscription_view import fields  # noqa: PLC0415 (pydantic is heavy)

        output.print_fields(fields(resource, url))


@app.command("signing-secret", cls=PlainCommand, epilog="router event-subscription signing-secret --name alerts")
def signing_secret(
    name: SubscriptionName,
    source_resource_id: SourceResourceId = None,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Make a new one first; the former signs beside it for a while.")
    ] = False,
    algorithm: Annotated[
        str | None,
        typer.Option(
            "--algorithm", metavar="NAME", help="With --rotate: hmac-sha256 or ed25519; hmac-sha256 unless given."
        ),
    ] = None,
    overlap_hours: Annotated[
        int | None,
        typer.Option(
            "--overlap-hours",
            metavar="N",
            min=0,
            max=168,
            help="With --rotate: hours for which the former one still signs; 24 unless given.",
        ),
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Show what a webhook verifies the signatures of its requests with (Standard Webhooks)."""
    given = {"algorithm": algorithm, "overlapHours": overlap_hours}
    if not rotate and any(value is not None for value in given.values()):
        raise RefusedError("--algorithm and --overlap-hours say how to make a new secret", hint="Give --rotate, too.")
    with _addressed(name, source_resource_id, data_dir) as (arm, path):
        _existing(arm, path, name)
        action = "rotateSigningSecret" if rotate else "getSigningSecrets"
        body = {key: value for key, value in given.items() if value is not None} if rotate else None
        answer = arm.request("POST", f"{path}/{action}", EVENT_GRID_VERSION, body).body
    secrets = answer.get("signingSecrets") or []
    if not secrets:
        raise RefusedError(f"the requests of {name} are not signed: it sends to a topic")
    if as_json:
        output.print_json(answer)
        return
    for secret in secrets:
        output.say(str(secret["key"]))


@app.command("list", cls=PlainCommand, epilog="router event-subscription list --json")
def list_(
    source_resource_id: SourceResourceId = None,
    odata_query: Annotated[
        str | None,
        typer.Option("--odata-query", metavar="FILTER", help="Only names that match, such as Contains(name, 'alert')."),
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """List the event subscriptions of a source."""
    access, arm = arm_client(data_dir)
    wanted = EVENT_GRID_VERSION | PAGE | ({} if odata_query is None else {"$filter": odata_query})
    with arm:
        found = list(arm.pages(f"{_source(source_resource_id, access)}/{EVENT_SUBSCRIPTIONS}", wanted))
    if as_json:
        output.print_json(found)
    elif found:
        _print_rows(found)
    else:
        output.remark("No event subscriptions yet. Make one: router event-subscription create --help")


@app.command(cls=PlainCommand, epilog="router event-subscription delete --name alerts --delete-topic")
def delete(
    name: SubscriptionName,
    source_resource_id: SourceResourceId = None,
    delete_topic: Annotated[
        bool, typer.Option("--delete-topic", help="Delete its topic too, with the events in it; kept unless given.")
    ] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Delete an event subscription. Nothing happens when there is none."""
    with _addressed(name, source_resource_id, data_dir) as (arm, path):
        try:
            arm.get(path)
        except NotFoundError:
            output.say(f"There is no event subscription {name}; nothing to delete.")
            return
        answer = arm.request("DELETE", path, EVENT_GRID_VERSION | ({"deleteTopic": "true"} if delete_topic else {}))
        arm.wait(path, answer)
    output.say(f"Deleted event subscription {name}{' and its topic' if delete_topic else ''}.")


@contextmanager
def _addressed(name: str, source_resource_id: str | None, data_dir: Path) -> "Iterator[tuple[ArmClient, str]]":
    """Give a client, and the resource id of a subscription: on the local workspace unless told otherwise."""
    access, arm = arm_client(data_dir)
    with arm:
        yield arm, event_subscription_id(_source(source_resource_id, access), name)


def _source(given: str | None, access: "Access") -> str:
    """Return the resource id of the source: the local workspace's unless one is given."""
    if given is None:
        return access.workspace
    if not given.startswith("/"):
        raise RefusedError(
            f"--source-resource-id {given!r} is no resource id: it begins with /subscriptions/",
            hint="router workspace show NAME and router custom-topic show NAME print it.",
        )
    return given.rstrip("/")


def _existing(arm: "ArmClient", path: str, name: str) -> "Answer":
    try:
        return arm.request("GET", path, EVENT_GRID_VERSION)
    except NotFoundError as error:
        raise NotFoundError(
            f"there is no event subscription {name}: {error.message}", hint="See router event-subscription list."
        ) from None


def _full_url(arm: "ArmClient", path: str, resource: "Json") -> str | None:
    """Ask for the URL that a webhook's resource hides, and put it in."""
    destination = (resource.get("properties") or {}).get("destination") or {}
    if destination.get("endpointType") != "WebHook":
        return None
    url = str(arm.request("POST", f"{path}/getFullUrl", EVENT_GRID_VERSION).body.get("endpointUrl"))
    destination["properties"]["endpointUrl"] = url
    return url


def _show_settled(arm: "ArmClient", path: str, answer: "Answer", *, as_json: bool) -> None:
    """Wait until the subscription works, then show it.

    Raises:
        RefusedError: it does not work; the message is the service's.
    """
    for warning in answer.warnings:
        output.warn(warning)
    try:
        resource = arm.wait_until_settled(path, answer)
    except RefusedError as error:
        raise RefusedError(
            f"the event subscription does not work: {error.message}",
            code=error.code,
            hint="Mend the cause and give the command again.",
        ) from None
    if as_json:
        output.print_json(resource)
    else:
        _print_rows([resource])


def _print_rows(resources: Sequence["Json"]) -> None:
    from router.cli.subscription_view import COLUMNS, row  # noqa: PLC0415 (pydantic is heavy)

    output.print_table(COLUMNS, [row(resource) for resource in resources])
