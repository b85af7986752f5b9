"""One element of a request as a CloudEvent 1.0 (§2.2); its bytes are kept, nothing is added."""

import binascii
from base64 import b64decode
from typing import Literal

import msgspec
from msgspec import Raw

from router.ingress.refusals import Refusal, nonconforming, property_required, wrong_property
from router.ingress.text import is_moment, reason_against
from router.kafka.producer import Message
from topics.events import (
    CE_ID,
    CE_SOURCE,
    CE_SUBJECT,
    CE_TIME,
    CE_TYPE,
    CLOUD_EVENT_JSON,
    CONTENT_TYPE,
    ROUTER_SOURCE,
)

_REQUIRED = ("specversion", "id", "source", "type")
_OPTIONAL = ("subject", "time", "datacontenttype", "dataschema", "data_base64")


class _Element(msgspec.Struct, gc=False):
    """The attributes that CloudEvents defines; others are extensions, and may be anything."""

    specversion: Literal["1.0"]
    id: str
    source: str
    type: str
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    data: Raw = Raw()
    data_base64: str | None = None


_decode = msgspec.json.Decoder(_Element).decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode


def is_cloud_event(raw: bytes) -> bool:
    """Say whether a JSON object claims to be a CloudEvent: it has a `specversion`."""
    return b"specversion" in raw and "specversion" in _members(raw)


def cloud_event_message(raw: bytes, source_id: str) -> Message | Refusal:
    """Return the record for a CloudEvent that was published to a source, or why it is refused.

    `raw` is one JSON object in UTF-8.
    """
    try:
        event = _decode(raw)
    except msgspec.ValidationError:
        return _explain(raw)
    refusal = _check(event)
    if refusal is not None:
        return refusal
    headers = [
        (CONTENT_TYPE, CLOUD_EVENT_JSON),
        (CE_ID, event.id.encode()),
        (CE_TYPE, event.type.encode()),
        (CE_SOURCE, event.source.encode()),
    ]
    if event.subject is not None:
        headers.append((CE_SUBJECT, event.subject.encode()))
    if event.time is not None:
        headers.append((CE_TIME, event.time.encode()))
    if event.source.lower() != source_id.lower():
        headers.append((ROUTER_SOURCE, source_id.encode()))
    return Message((event.subject or event.source).encode(), raw, headers)


def _check(event: _Element) -> Refusal | None:
    named = (("id", event.id), ("source", event.source), ("type", event.type))
    for name, value in named:
        if not value:
            return property_required("CloudEventV10", name)
    for name, value in (*named, ("subject", event.subject or "")):
        reason = reason_against(value)
        if reason:
            return nonconforming("CloudEventV10", f"Property '{name}' {reason}.")
    if event.time is not None and not is_moment(event.time):
        return wrong_property("CloudEventV10", "time", event.time, "must be a time in RFC 3339")
    if event.data_base64 is not None:
        return _check_base64(event.data_base64, bytes(event.data))
    return None


def _check_base64(text: str, data: bytes) -> Refusal | None:
    if data:
        return nonconforming("CloudEventV10", "Only one of 'data' and 'data_base64' may be set.")
    try:
        b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return nonconforming("CloudEventV10", "Property 'data_base64' must be base64.")
    return None


def _explain(raw: bytes) -> Refusal:
    """Say what is wrong with an element that could not be decoded."""
    members = {name: bytes(value) for name, value in _members(raw).items()}
    for name in _REQUIRED:
        if members.get(name, b"null") == b"null":
            return property_required("CloudEventV10", name)
    if members["specversion"][:1] == b'"' and msgspec.json.decode(members["specversion"]) != "1.0":
        return nonconforming("CloudEventV10", "Property 'specversion' must be '1.0'.")
    for name in (*_REQUIRED, *_OPTIONAL):
        if members.get(name, b"null")[:1] not in (b'"', b"n"):
            return nonconforming("CloudEventV10", f"Property '{name}' must be a string.")
    return nonconforming("CloudEventV10", "A property has the wrong type.")
