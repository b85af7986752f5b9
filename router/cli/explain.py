"""`router explain`: why each subscription matches an event or not."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from router.cli import output
from router.cli.options import DEFAULT_DATA_DIR, DataDir
from router.errors import RefusedError


def explain(
    event: Annotated[
        str,
        typer.Argument(
            metavar="EVENT.json",
            help="File with one event, or the id of one that was published; - reads standard input.",
        ),
    ],
    subscription: Annotated[
        str | None, typer.Option("--subscription", metavar="NAME", help="Only this one; all live ones unless given.")
    ] = None,
    draft: Annotated[
        Path | None,
        typer.Option("--filter", metavar="FILE", help="Try a filter object of Event Grid instead."),
    ] = None,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer of the API.")] = False,
) -> None:
    """Show why each subscription matches an event or not, clause by clause, the nearest to a match first.

    Nothing is published and nothing is stored.
    """
    from router.client.access import find_access  # noqa: PLC0415 (heavy: only this command needs it)
    from router.client.arm import ArmClient  # noqa: PLC0415

    asked: dict[str, Any] = {"event": _one_event(event)}
    if subscription is not None:
        asked["subscription"] = subscription
    if draft is not None:
        asked["filter"] = _filter(draft)
    with ArmClient(find_access(data_dir, os.environ)) as arm:
        answer = arm.request("POST", "/v1/explain", {}, asked).body
    if as_json:
        output.print_json(answer)
        return
    if not answer["results"]:
        output.say("No live subscription wants events of this source.")
    for result in answer["results"]:
        _show(result)


def _one_event(name: str) -> Any:  # noqa: ANN401 (any JSON)
    if name != "-" and not _is_file(name):
        return name
    event = _json(name)
    if isinstance(event, list):
        if len(event) != 1:
            raise RefusedError(f"{name} holds {len(event)} events", hint="Give a file with one event.")
        event = event[0]
    if not isinstance(event, dict):
        raise RefusedError(f"{name} holds no event: it must be a JSON object")
    return event


def _is_file(name: str) -> bool:
    """Say whether an argument is a file, not the id of an event; what looks like a file has to be there."""
    try:
        return name.endswith(".json") or Path(name).exists()
    except (OSError, ValueError):  # too long for a file, or NUL in it
        return False


def _filter(file: Path) -> dict[str, Any]:
    """Read a draft of a filter; what a filter has not is refused, as it would ask for nothing."""
    from router.client.declared import refuse_unknown_conditions  # noqa: PLC0415 (only where a draft is given)

    draft = _json(str(file))
    if not isinstance(draft, dict):
        raise RefusedError(f"{file} holds no filter: it must be a JSON object")
    refuse_unknown_conditions(str(file), draft)
    return draft


def _json(name: str) -> Any:  # noqa: ANN401 (any JSON)
    try:
        return json.loads(sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes())
    except OSError as error:
        raise RefusedError(f"cannot read {name}: {error.strerror}") from None
    except ValueError as error:
        raise RefusedError(f"{name} is not JSON: {error}") from None


def _show(result: dict[str, Any]) -> None:
    name = "the draft" if result["subscription"] is None else result["subscription"].rpartition("/")[2]
    verdict = ("matches", "bold green") if result["matches"] else ("does not match", "bold red")
    output.stdout().print(Text.assemble((name, "bold"), " ", verdict))
    rows = [
        (Text("yes" if clause["matches"] else "no", style="green" if clause["matches"] else "red"), *_words(clause))
        for clause in result["clauses"]
    ]
    if rows:
        output.print_table(("holds", "key", "operator", "expected", "seen"), rows)
    else:
        output.say("It wants every event.")
    output.say("")


def _words(clause: dict[str, Any]) -> tuple[str, str, str, str]:
    expected = clause["expected"]
    values = ", ".join(map(_word, expected)) if isinstance(expected, list) else _word(expected)
    return clause["path"], clause["operator"], "" if expected is None else values, _word(clause["actual"])


def _word(value: Any) -> str:  # noqa: ANN401 (any JSON)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
