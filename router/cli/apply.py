"""`router apply`: subscriptions as a file that is kept in git."""

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from router.cli import output
from router.cli.connection import arm_client
from router.cli.options import DEFAULT_DATA_DIR, AsJson, DataDir
from router.errors import ConflictError, NotFoundError, PreconditionError, RefusedError, RouterError

if TYPE_CHECKING:
    from router.client.arm import ArmClient, Json
    from router.client.declared import Declared
    from router.client.differences import Change

WOULD_CHANGE: Final = 2
"""Exit code of `--dry-run` when something would change."""

File = Annotated[
    str,
    typer.Option(
        "--file", "-f", metavar="FILE", help="YAML or JSON; what az prints and ARM templates too; - is stdin."
    ),
]
Prune = Annotated[
    bool, typer.Option("--prune", help="Delete what is not in the file, on the sources that the file names.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing; exit with 2 when something would change.")]


def apply(
    file: File,
    prune: Prune = False,
    dry_run: DryRun = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: AsJson = False,
) -> None:
    """Create and update event subscriptions as a file says, and show what differs first."""
    from router.client.declared import declared_in  # noqa: PLC0415 (only this command needs it)

    documents = _documents(file)
    if all(document is None for document in documents):
        raise RefusedError(f"{file} is empty", hint="eventSubscriptions: [] declares that there are none.")
    wanted = declared_in(documents)
    _, arm = arm_client(data_dir)
    with arm:
        changes = _changes(arm, wanted, prune=prune)
        if not as_json:
            _show(changes)
        if not dry_run:
            _make_all(arm, changes)
    if as_json:
        output.print_json(
            [{"change": one.kind, "name": one.name, "source": one.source, "lines": list(one.lines)} for one in changes]
        )
    else:
        output.remark(_summary(changes, len(wanted), dry_run=dry_run))
    if dry_run and changes:
        raise typer.Exit(WOULD_CHANGE)


def _documents(file: str) -> list[Any]:
    """Read the documents of a file.

    Raises:
        NotFoundError: there is no such file.
        RefusedError: it is neither YAML nor JSON.
    """
    import yaml  # noqa: PLC0415 (only this command needs it)

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise NotFoundError(f"{file} cannot be read: {error.strerror}") from None
    try:
        return [json.loads(text)]
    except ValueError:
        pass
    try:
        return list(yaml.load_all(text, Loader=_plain_loader()))
    except yaml.YAMLError as error:
        raise RefusedError(f"{file} is neither JSON nor YAML: {' '.join(str(error).split())[:300]}") from None


def _plain_loader() -> Any:  # noqa: ANN401 (a class of PyYAML)
    """Return a safe loader that leaves dates as they are written: the API wants them as text."""
    import yaml  # noqa: PLC0415

    class Loader(yaml.SafeLoader):
        """SafeLoader without dates."""

    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    return Loader


def _changes(arm: "ArmClient", wanted: "list[Declared]", *, prune: bool) -> "list[Change]":
    from router.client.differences import change_to, deletions  # noqa: PLC0415
    from router.client.resource_ids import EVENT_SUBSCRIPTIONS  # noqa: PLC0415

    types = _default_types(arm)
    changes: list[Change] = []
    for one in wanted:
        current, etag = _current(arm, one)
        change = change_to(one, current, types)
        changes += [] if change is None else [replace(change, etag=etag)]
    if prune:
        for source in dict.fromkeys(one.source for one in wanted):
            there = [str(one["name"]) for one in arm.pages(f"{source}/{EVENT_SUBSCRIPTIONS}")]
            changes += deletions(source, there, wanted)
    return changes


def _default_types(arm: "ArmClient") -> frozenset[str]:
    """Return the event types that a subscription gets which names none."""
    kind = "Microsoft.MachineLearningServices.Workspaces"
    found = arm.get(f"/providers/Microsoft.EventGrid/topicTypes/{kind}/eventTypes")["value"]
    return frozenset(str(one["name"]).lower() for one in found)


def _current(arm: "ArmClient", wanted: "Declared") -> "tuple[Json | None, str | None]":
    """Return the properties of the subscription that is there, with its webhook's URL in full; and its ETag."""
    from router.client.resource_ids import EVENT_GRID_VERSION, event_subscription_id  # noqa: PLC0415

    path = event_subscription_id(wanted.source, wanted.name)
    try:
        answer = arm.request("GET", path, EVENT_GRID_VERSION)
    except NotFoundError:
        return None, None
    properties: Json = answer.body["properties"]
    destination = properties["destination"]
    if destination["endpointType"] == "WebHook":
        url = arm.request("POST", f"{path}/getFullUrl", EVENT_GRID_VERSION).body["endpointUrl"]
        inner = {key: value for key, value in destination["properties"].items() if key != "endpointBaseUrl"}
        destination = {**destination, "properties": {**inner, "endpointUrl": url}}
    return {**properties, "destination": destination}, answer.etag


def _make_all(arm: "ArmClient", changes: "Sequence[Change]") -> None:
    """Make the changes in turn; the first that is refused is named, with how far it had gone."""
    for made, change in enumerate(changes):
        try:
            _make(arm, change)
        except RouterError as error:
            hint = f"{made} of {len(changes)} changes were made before."
            raise RouterError(
                f"{change.name}: {error.message}", hint=f"{hint} {error.hint}" if error.hint else hint
            ) from error


def _make(arm: "ArmClient", change: "Change") -> None:
    from router.client.resource_ids import EVENT_GRID_VERSION, event_subscription_id  # noqa: PLC0415

    path = event_subscription_id(change.source, change.name)
    if change.kind == "delete":
        arm.request("DELETE", path, EVENT_GRID_VERSION)
        return
    # What was shown as a difference is what is written: not over what somebody else has written since.
    conditions = {"If-None-Match": "*"} if change.etag is None else {"If-Match": change.etag}
    try:
        answer = arm.request("PUT", path, EVENT_GRID_VERSION, {"properties": change.properties}, conditions)
    except PreconditionError as error:
        raise ConflictError(error.message, hint="Give the command again.") from None
    for warning in answer.warnings:
        output.warn(f"{change.name}: {warning}")
    arm.wait(path, answer)


def _show(changes: "Iterable[Change]") -> None:
    signs = {"create": "+", "update": "~", "delete": "-"}
    for change in changes:
        output.print_lines([f"{signs[change.kind]} {change.name} on {change.source}"])
        output.print_lines([f"    {line}" for line in change.lines])


def _summary(changes: "list[Change]", wanted: int, *, dry_run: bool) -> str:
    if not changes:
        return f"nothing to change: {wanted} as declared"
    done = "would be" if dry_run else "were"
    counted = [
        f"{sum(one.kind == kind for one in changes)} {done} {kind}d"
        for kind in ("create", "update", "delete")
        if any(one.kind == kind for one in changes)
    ]
    return ", ".join(counted)
