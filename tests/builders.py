"""Valid things to test with: a test names only what it is about."""

import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.fernet import Fernet

from router.secrets import SecretBox
from router.sources.view import SourcesView
from topics.attempts import DeliveryAttempt
from topics.deliveries import Delivery
from topics.events import EVENT_GRID_JSON, MACHINE_LEARNING
from topics.sources import Source, source_key
from topics.subscriptions import Filter, Subscription, TopicSink, WebhookSink

RESOURCE_GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local"
WORKSPACE = f"{RESOURCE_GROUP}/providers/Microsoft.MachineLearningServices/workspaces/local"
NOON = datetime(2025, 10, 20, 12, 0, tzinfo=UTC)
"""A moment for tests that need one."""

BOX = SecretBox("ZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY=")
"""Seals and opens what a test must keep secret."""

Headers = list[tuple[str, bytes]]


def an_event(**members: Any) -> dict[str, Any]:
    """An event in the Event Grid schema, as ingress stores it."""
    event = {
        "id": "3f8ecd80-f53b-4791-87a9-ecfa61163ee9",
        "topic": WORKSPACE,
        "subject": "models/churn:3",
        "eventType": MACHINE_LEARNING + "ModelRegistered",
        "eventTime": "2025-10-20T12:00:00Z",
        "data": {"modelName": "churn", "modelVersion": 3, "modelTags": {"stage": "production"}},
        "dataVersion": "2",
        "metadataVersion": "1",
    }
    return event | members


def a_cloud_event(**members: Any) -> dict[str, Any]:
    """The same event in the CloudEvents schema."""
    event = {
        "specversion": "1.0",
        "id": "3f8ecd80-f53b-4791-87a9-ecfa61163ee9",
        "source": WORKSPACE,
        "type": MACHINE_LEARNING + "ModelRegistered",
        "subject": "models/churn:3",
        "time": "2025-10-20T12:00:00Z",
        "data": {"modelName": "churn", "modelVersion": 3, "modelTags": {"stage": "production"}},
    }
    return event | members


def as_bytes(event: dict[str, Any]) -> bytes:
    """An event as it travels."""
    return json.dumps(event).encode()


def event_headers(event: dict[str, Any]) -> Headers:
    """The headers that ingress gives a stored event of either schema."""
    cloud = "specversion" in event
    content_type = b"application/cloudevents+json; charset=utf-8" if cloud else EVENT_GRID_JSON
    names = (
        ("id", "type", "source", "subject", "time") if cloud else ("id", "eventType", "topic", "subject", "eventTime")
    )
    attributes = zip(("ce_id", "ce_type", "ce_source", "ce_subject", "ce_time"), names, strict=True)
    return [("content-type", content_type), *((header, event[name].encode()) for header, name in attributes)]


@dataclass(frozen=True)
class StoredRecord:
    """A record of workspace.events as a consumer hands it on."""

    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    key: bytes | None = b"models/churn:3"
    topic: str = "workspace.events"
    partition: int = 2
    offset: int = 41
    timestamp: int = int(NOON.timestamp() * 1000)


def a_record(event: dict[str, Any] | None = None, **fields: Any) -> StoredRecord:
    """A record that holds an event as ingress stores it."""
    stored = an_event() if event is None else event
    given = {
        "value": as_bytes(stored),
        "headers": tuple(event_headers(stored)),
        "key": stored.get("subject", "").encode(),
    }
    return StoredRecord(**(given | fields))


def a_binary_record(data: bytes, content_type: bytes = b"application/json", **fields: Any) -> StoredRecord:
    """A CloudEvent in binary mode, as an outside producer writes it."""
    event = a_cloud_event()
    headers = [(f"ce_{name}", event[name].encode()) for name in ("specversion", "id", "source", "type", "subject")]
    given = {"value": data, "headers": (("content-type", content_type), *headers)}
    return StoredRecord(**(given | fields))


def a_subscription(name: str = "alerts", **fields: Any) -> Subscription:
    """A live subscription of the local workspace that wants every event on the topic `subscriber.<name>`."""
    given = {
        "id": f"{WORKSPACE}/providers/Microsoft.EventGrid/eventSubscriptions/{name}",
        "name": name,
        "source": WORKSPACE,
        "sink": TopicSink(name=name),
        "filter": Filter(),
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Subscription(**(given | fields))


def a_webhook(url: str = "https://hooks.example.com/in?code=secret") -> WebhookSink:
    """A webhook whose URL `BOX` opens."""
    return WebhookSink(endpoint_base_url=url.partition("?")[0], sealed_endpoint_url=BOX.seal(url))


def a_delivery(event: dict[str, Any] | None = None, **fields: Any) -> Delivery:
    """A first attempt at an event for the subscription that `a_subscription` gives."""
    owed = an_event() if event is None else event
    given = {
        "delivery_id": "0f2d6d0e-5a5c-5b1e-9d55-8c1d3c1f5a07",
        "subscription_id": a_subscription().id,
        "attempt": 1,
        "first_published": NOON,
        "event": as_bytes(owed),
        "event_headers": tuple(event_headers(owed)),
    }
    return Delivery(**(given | fields))


def an_attempt(**fields: Any) -> DeliveryAttempt:
    """A first attempt that delivered, as the delivery stage records it."""
    given = {
        "delivery_id": "0f2d6d0e-5a5c-5b1e-9d55-8c1d3c1f5a07",
        "event_id": an_event()["id"],
        "event_type": an_event()["eventType"],
        "subscription": a_subscription().id,
        "attempt": 1,
        "at": NOON,
        "outcome": "delivered",
        "status": 200,
        "duration_ms": 3.5,
        "detail": "",
    }
    return DeliveryAttempt(**(given | fields))


def a_source(name: str = "local", box: SecretBox | None = None, **fields: Any) -> Source:
    """A workspace; its keys are `<name>-1` and `<name>-2` in base64, sealed when a box is given."""
    sealed = {f"sealed_key{n}": box.seal(an_access_key(name, n)) if box else an_access_key(name, n) for n in (1, 2)}
    given = {"id": WORKSPACE.removesuffix("local") + name, "name": name, "kind": "workspace", "created_at": NOON}
    return Source(**(given | sealed | fields))


def an_access_key(name: str = "local", number: int = 1) -> str:
    """The key that `a_source` gives a source."""
    return b64encode(f"{name}-{number}".encode()).decode()


def a_box() -> SecretBox:
    """A box with a key of its own."""
    return SecretBox(Fernet.generate_key().decode())


def a_sources_view(*sources: Source, box: SecretBox) -> SourcesView:
    """A view of sources that were sealed with `box`."""
    view = SourcesView(box)
    for source in sources:
        view.apply(source_key(source.id), source.encode())
    return view
