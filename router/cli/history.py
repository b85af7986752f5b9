"""What the commands about the past share: asking under /v1, and words for what is found."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.text import Text

from router.cli.connection import arm_client

if TYPE_CHECKING:
    from router.client.arm import ArmClient

Json = dict[str, Any]

MOST: Final = 1000
"""How many a page may have."""
STYLES: Final = {
    "delivered": "green",
    "written": "green",
    "completed": "green",
    "pending": "yellow",
    "running": "yellow",
    "failed": "red",
    "rejected": "red",
    "dead_lettered": "red",
    "stopped": "red",
}
DETAIL_SHOWN: Final = 80

OfSubscription = Annotated[
    str | None,
    typer.Option("--subscription", "-s", metavar="NAME", help="Only those of this subscription: its name or id."),
]
Limit = Annotated[int, typer.Option("--limit", metavar="N", min=1, help="How many at most, the newest first.")]


def ask(data_dir: Path, path: str, **query: str | None) -> Json:
    """Return what the server answers at /v1/<path>."""
    _, client = arm_client(data_dir)
    with client:
        return _get(client, path, query)


def pages(data_dir: Path, path: str, limit: int, **query: str | None) -> Iterator[Json]:
    """Give the pages of a list until they hold `limit` of what `path` names."""
    member = path.replace("-", "_")
    _, client = arm_client(data_dir)
    with client:
        cursor = None
        while limit > 0:
            page = _get(client, path, {**query, "limit": str(min(limit, MOST)), "next": cursor})
            yield page
            limit -= len(page.get(member) or ())
            cursor = page.get("next")
            if cursor is None:
                return


def with_client(data_dir: Path, work: "Callable[[ArmClient], Json]") -> Json:
    """Return what `work` makes of a client."""
    _, client = arm_client(data_dir)
    with client:
        return work(client)


def styled(word: object) -> Text:
    """Return a state or an outcome in its colour."""
    return Text(str(word).replace("_", " "), style=STYLES.get(str(word), ""))


def shown(value: object) -> str:
    """Return text of strangers without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in str(value))


def moment(value: object) -> str:
    """Return a moment of the API as a person reads it: local time, milliseconds."""
    try:
        found = datetime.fromisoformat(str(value)).astimezone()
    except ValueError:
        return str(value)
    return f"{found:%Y-%m-%d %H:%M:%S}.{found.microsecond // 1000:03}"


def name_of(subscription: object) -> str:
    """Return the name of a subscription, given its resource id."""
    return str(subscription).rpartition("/")[2]


def status_of(attempt: Json) -> str:
    """Return the HTTP status of an attempt; a hyphen where there was no answer."""
    return "-" if attempt.get("status") is None else str(attempt["status"])


def duration_of(attempt: Json) -> str:
    """Return how long an attempt took."""
    return f"{float(attempt.get('duration_ms') or 0):.0f} ms"


def detail_of(attempt: Json) -> str:
    """Return the beginning of an endpoint's answer."""
    detail = shown(attempt.get("detail") or "")
    return detail if len(detail) <= DETAIL_SHOWN else detail[: DETAIL_SHOWN - 1] + "…"


def _get(client: "ArmClient", path: str, query: dict[str, str | None]) -> Json:
    return client.get(f"/v1/{path}", {name: value for name, value in query.items() if value is not None})
