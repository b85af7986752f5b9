"""What the client of each language publishes, and what must then stand on workspace.events, attribute by attribute.

A client is given the addresses and keys of `Endpoints` in its environment and publishes, for each way to show who it
is, two events in the Event Grid schema and two CloudEvents to the workspace; then two CloudEvents to the custom topic
`clouds`, one event of its own schema to `orders`, and three requests that must be refused. It prints
`{"errors": [[status, code], …]}`.
"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

MOMENT = datetime(2030, 1, 1, 0, 0, 0, 123000, tzinfo=UTC)
WAYS = ("key1", "key2", "sas")
REFUSALS = [[401, "Unauthorized"], [401, "Unauthorized"], [400, "BadRequest"]]
"""A wrong key, an expired signature, and an event of another schema than its topic's."""


@dataclass(frozen=True)
class Endpoints:
    """Where to publish, with which keys, and who signed the certificate."""

    url: str
    key1: str
    key2: str
    clouds_key: str
    orders_key: str
    ca_file: str = ""

    def environment(self) -> dict[str, str]:
        """Return what a client finds in its environment."""
        return {f"GIVEN_{name.upper()}": value for name, value in asdict(self).items()}


def check(stored: dict[str, dict[str, Any]], language: str, *, topic: str, orders: str) -> None:
    """Compare what is stored, by id, with what the client of a language has sent."""
    for way in WAYS:
        for number in (1, 2):
            check_grid(stored[f"{language}-{way}-grid-{number}"], number, topic)
    for way in (*WAYS, "clouds"):
        check_cloud_of_json(stored[f"{language}-{way}-cloud-1"])
        check_cloud_of_bytes(stored[f"{language}-{way}-cloud-2"])
    check_custom(stored[f"{language}-custom-1"], orders)


def check_grid(event: dict[str, Any], number: int, topic: str) -> None:
    """Every field as it was set; `topic` and `metadataVersion` are stamped."""
    moment = datetime.fromisoformat(event.pop("eventTime"))
    assert moment == MOMENT
    assert event == {
        "id": event["id"],
        "subject": f"models/é:{number}",
        "eventType": "T",
        "dataVersion": "2",
        "data": {"n": number, "f": 1.5, "s": '\u2028"\\', "deep": [{"a": None}]},
        "topic": topic,
        "metadataVersion": "1",
    }


def check_cloud_of_json(event: dict[str, Any]) -> None:
    """Every attribute, an extension among them; nothing is stamped."""
    assert datetime.fromisoformat(event.pop("time")) == MOMENT
    assert event == {
        "specversion": "1.0",
        "id": event["id"],
        "source": "/me",
        "type": "T",
        "subject": "s",
        "data": {"n": 1},
        "datacontenttype": "application/json",
        "dataschema": "https://x/y",
        "mine": "x",
    }


def check_cloud_of_bytes(event: dict[str, Any]) -> None:
    """Bytes travel in base64. Most clients set a time where none was given."""
    event.pop("time", None)
    assert event == {
        "specversion": "1.0",
        "id": event["id"],
        "source": "/me",
        "type": "T",
        "data_base64": "AP8=",
        "datacontenttype": "application/octet-stream",
    }


def check_custom(event: dict[str, Any], topic: str) -> None:
    """The envelope is what the mapping yields, and the data is the whole event as it was sent."""
    original = {"myId": event["id"], "kind": "T", "about": "orders/é", "more": {"a": [1, 2.5, None]}}
    assert event.pop("eventTime")
    assert event == {
        "id": original["myId"],
        "eventType": "T",
        "subject": "orders/é",
        "dataVersion": "",
        "metadataVersion": "1",
        "topic": topic,
        "data": original,
    }
