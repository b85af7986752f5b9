"""How an event subscription looks to a person: a row of the list, or all of it."""

from collections.abc import Iterable
from typing import Any, Final

from rich.text import Text

from router.cli.destinations import described
from topics.events import MACHINE_LEARNING

Json = dict[str, Any]

COLUMNS: Final = ("NAME", "STATE", "SENDS TO", "EVENT TYPES", "SUBJECT", "FILTERS")
STATE_STYLES: Final = {"Succeeded": "green", "Failed": "red", "Canceled": "red"}
SHOWN_TYPES: Final = 3


def row(resource: Json) -> list[str | Text]:
    """Return a subscription's row under COLUMNS."""
    properties = resource.get("properties") or {}
    wanted = properties.get("filter") or {}
    return [
        str(resource.get("name")),
        state(properties),
        described(properties.get("destination") or {}),
        event_types(wanted),
        subjects(wanted),
        str(len(wanted.get("advancedFilters") or ()) or ""),
    ]


def fields(resource: Json, full_url: str | None = None) -> list[tuple[str, str | Text]]:
    """Return a subscription as names and values, what is not set left out."""
    properties = resource.get("properties") or {}
    wanted = properties.get("filter") or {}
    policy = properties.get("retryPolicy") or {}
    rows: list[tuple[str, str | Text]] = [
        ("name", str(resource.get("name"))),
        ("id", str(resource.get("id"))),
        ("source", str(properties.get("topic") or "")),
        ("state", state(properties)),
        ("sends to", full_url or described(properties.get("destination") or {})),
        ("delivery schema", str(properties.get("eventDeliverySchema") or "as published")),
        ("event types", "\n".join(map(short_type, wanted.get("includedEventTypes") or ())) or "all"),
        ("subject", subjects(wanted)),
        ("advanced filters", "\n".join(map(clause, wanted.get("advancedFilters") or ()))),
        ("retry policy", _policy(policy)),
        ("labels", ", ".join(properties.get("labels") or ())),
        ("expires", str(properties.get("expirationTimeUtc") or "")),
    ]
    return [(name, value) for name, value in rows if value]


def state(properties: Json) -> Text:
    """Return the provisioning state, coloured."""
    name = str(properties.get("provisioningState") or "Unknown")
    return Text(name, style=STATE_STYLES.get(name, "yellow"))


def event_types(wanted: Json) -> str:
    """Return the first wanted types, and how many more there are."""
    names = [short_type(name) for name in wanted.get("includedEventTypes") or ()]
    more = f" and {len(names) - SHOWN_TYPES} more" if len(names) > SHOWN_TYPES else ""
    return ", ".join(names[:SHOWN_TYPES]) + more if names else "all"


def short_type(name: str) -> str:
    """Return an event type without the long prefix that all of machine learning's share."""
    return name.removeprefix(MACHINE_LEARNING)


def subjects(wanted: Json) -> str:
    """Return the subject's conditions as one pattern, such as `models/…:1`."""
    begins, ends = wanted.get("subjectBeginsWith") or "", wanted.get("subjectEndsWith") or ""
    case = " (case-sensitive)" if wanted.get("isSubjectCaseSensitive") else ""
    return f"{begins}…{ends}{case}" if begins or ends else ""


def clause(advanced: Json) -> str:
    """Return an advanced filter as it would be typed."""
    value = advanced.get("value")
    values: Iterable[object] = advanced.get("values") or (() if value is None else (value,))
    return " ".join([str(advanced.get("key")), str(advanced.get("operatorType")), *map(_operand, values)])


def _operand(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)


def _policy(policy: Json) -> str:
    attempts, minutes = policy.get("maxDeliveryAttempts"), policy.get("eventTimeToLiveInMinutes")
    return f"{attempts} attempts within {minutes} minutes" if attempts and minutes else ""
