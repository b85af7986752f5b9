"""An event in the schema that a subscription wants (§2.3); the bytes of `data` are never rewritten."""

from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
import orjson

from router.events.envelope import Form, Headers, UnreadableEventError, form_of
from topics.events import (
    CE_SPECVERSION,
    CLOUD_EVENT_JSON,
    CONTENT_TYPE,
    EVENT_GRID_JSON,
    DeliverySchema,
)

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def to_schema(
    value: bytes, headers: Headers, schema: DeliverySchema | None, accepted_at: datetime | None = None
) -> bytes:
    """Return a record's event as JSON in `schema`; None means as published, and binary mode becomes structured.

    Of an event of a custom schema the data is the whole event as it was published (§2.4). `accepted_at` stands in for
    the time of an event that has none, as the Event Grid schema demands one.

    Raises:
        UnreadableEventError: the value is no JSON object, or binary-mode data is not what its content type says.
    """
    form = form_of(headers)
    if form == "event_grid":
        if schema == "CustomInputSchema":
            return _raw_members(value).get("data", b"null")
        return value if schema != "CloudEventSchemaV1_0" else _to_cloud_event(_raw_members(value))
    if schema != "EventGridSchema":
        return value if form == "structured" else _structured(value, headers)
    structured = value if form == "structured" else _structured(value, headers)
    return _to_event_grid(_raw_members(structured), accepted_at)


def headers_for(headers: Headers, form: Form, schema: DeliverySchema) -> Headers:
    """Return the headers that go with a converted event: the same, but for what told its former schema."""
    content_type = CLOUD_EVENT_JSON if schema == "CloudEventSchemaV1_0" else EVENT_GRID_JSON
    kept = [(n, v) for n, v in headers if n != CONTENT_TYPE and not (form == "binary" and n == CE_SPECVERSION)]
    return [(CONTENT_TYPE, content_type), *kept]


def _raw_members(value: bytes) -> dict[str, bytes]:
    try:
        return {name: bytes(raw) for name, raw in _members(value).items()}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UnreadableEventError("the value is no JSON object") from None


def _object(members: Iterable[tuple[str, bytes | None]]) -> bytes:
    return b"{" + b",".join(orjson.dumps(name) + b":" + raw for name, raw in members if raw is not None) + b"}"


def _to_cloud_event(grid: dict[str, bytes]) -> bytes:
    return _object(
        (
            ("specversion", b'"1.0"'),
            ("id", grid.get("id")),
            ("source", grid.get("topic")),
            ("type", grid.get("eventType")),
            ("subject", grid.get("subject")),
            ("time", grid.get("eventTime")),
            ("data", grid.get("data")),
        )
    )


def _to_event_grid(cloud: dict[str, bytes], accepted_at: datetime | None) -> bytes:
    time = cloud.get("time")
    if time is None or time == b"null":
        time = orjson.dumps(accepted_at or datetime.fromtimestamp(0, UTC))
    return _object(
        (
            ("id", cloud.get("id")),
            ("topic", cloud.get("source")),
            ("subject", cloud.get("subject", b'""')),
            ("eventType", cloud.get("type")),
            ("eventTime", time),
            ("data", cloud.get("data", cloud.get("data_base64", b"null"))),
            ("dataVersion", b'""'),
            ("metadataVersion", b'"1"'),
        )
    )


def _structured(value: bytes, headers: Headers) -> bytes:
    """Turn binary mode into one JSON object (CloudEvents Kafka binding §3.2)."""
    try:
        given = [(name, raw) for name, raw in headers if raw is not None]
        attributes = [(name[3:], orjson.dumps(raw.decode())) for name, raw in given if name.startswith("ce_")]
        content_type = next((raw.decode() for name, raw in given if name == CONTENT_TYPE), None)
    except UnicodeDecodeError:
        raise UnreadableEventError("a header is not UTF-8") from None
    if content_type is not None:
        attributes.append(("datacontenttype", orjson.dumps(content_type)))
    return _object([*attributes, *_data_members(value, content_type)])


def _data_members(value: bytes, content_type: str | None) -> list[tuple[str, bytes]]:
    if not value:
        return []
    media_type = (content_type or "application/json").partition(";")[0].strip().lower()
    if media_type.endswith(("/json", "+json")):
        try:
            value.decode()
            msgspec.json.decode(value, type=msgspec.Raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise UnreadableEventError("the data is not JSON, although its content type says so") from None
        return [("data", value)]
    if media_type.startswith("text/"):
        try:
            return [("data", orjson.dumps(value.decode()))]
        except UnicodeDecodeError:
            pass
    return [("data_base64", b'"' + b64encode(value) + b'"')]
