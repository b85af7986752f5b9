"""Elements of a request as CloudEvents 1.0 (§2.2); their bytes are kept, nothing is added."""

import binascii
import re
from base64 import b64decode
from typing import Literal

import msgspec
from msgspec import Raw

from router.ingress.refusals import Refusal, nonconforming, property_required, unexpected_property, wrong_property
from router.ingress.text import is_timestamp, reason_against
from router.kafka.ready_records import LENGTHS, ReadyRecord, header, header_name, ready_record
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
HEADERS_TO_ID = header(CONTENT_TYPE, CLOUD_EVENT_JSON) + header_name(CE_ID)
TYPE, SOURCE, SUBJECT, TIME = map(header_name, (CE_TYPE, CE_SOURCE, CE_SUBJECT, CE_TIME))
_LEAST_HEADERS = 4
_DEFINED = frozenset((*_REQUIRED, *_OPTIONAL, "data"))
_EXTENSION_NAME = re.compile(r"[a-z0-9]+")
_NUMBER_THAT_IS_NO_INTEGER = re.compile(rb"[.eE]")


class _Element(msgspec.Struct, gc=False):
    """The attributes that CloudEvents defines; others are extensions."""

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


class PlainCloudEvent(_Element, forbid_unknown_fields=True, gc=False):
    """An event without extensions, which most are."""


_decode_plain = msgspec.json.Decoder(PlainCloudEvent).decode
_decode = msgspec.json.Decoder(_Element).decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode


def is_cloud_event(raw: bytes) -> bool:
    """Say whether a JSON object claims to be a CloudEvent: it has a `specversion`."""
    return b"specversion" in raw and "specversion" in _members(raw)


def cloud_event_record(raw: bytes, source_id: str) -> ReadyRecord | Refusal:
    """Return the record for a CloudEvent that was published to a source, or why it is refused.

    `raw` is one JSON object in UTF-8.
    """
    event = _read(raw)
    if isinstance(event, Refusal):
        return event
    return check(event) or record_of(raw, event, source_id)


def record_of(raw: bytes, event: _Element, source_id: str) -> ReadyRecord:
    """Return the record of an event that is right."""
    identifier, type_, source, lengths = event.id.encode(), event.type.encode(), event.source.encode(), LENGTHS
    headers = [
        *(HEADERS_TO_ID, lengths[len(identifier)], identifier),
        *(TYPE, lengths[len(type_)], type_),
        *(SOURCE, lengths[len(source)], source),
    ]
    count, subject = _LEAST_HEADERS, b""
    if event.subject is not None:
        subject = event.subject.encode()
        headers += (SUBJECT, lengths[len(subject)], subject)
        count += 1
    if event.time is not None:
        time = event.time.encode()
        headers += (TIME, lengths[len(time)], time)
        count += 1
    if event.source != source_id and (origin := header_of_origin(event.source, source_id)):
        headers.append(origin)
        count += 1
    return ready_record(subject or source, raw, (lengths[count], *headers))


def header_of_origin(source: str, source_id: str) -> bytes:
    """Return the header that names the source an event was published to; empty where its own `source` says so."""
    if source == source_id or source.lower() == source_id.lower():
        return b""
    return header(ROUTER_SOURCE, source_id.encode())


def _read(raw: bytes) -> _Element | Refusal:
    try:
        return _decode_plain(raw)
    except msgspec.ValidationError:
        pass  # it has extensions, or it is wrong
    try:
        event = _decode(raw)
    except msgspec.ValidationError:
        return _explain(raw)
    return _check_extensions(raw) or event


def _check_extensions(raw: bytes) -> Refusal | None:
    """Refuse extensions that CloudEvents' type system does not have: names and types (CloudEvents §3.1)."""
    for name, value in _members(raw).items():
        if name in _DEFINED:
            continue
        if not _EXTENSION_NAME.fullmatch(name):
            return unexpected_property("CloudEventV10", name)
        text = bytes(value)
        if text[:1] in (b"{", b"[") or (text[:1] in b"-0123456789" and _NUMBER_THAT_IS_NO_INTEGER.search(text)):
            return nonconforming(
                "CloudEventV10", f"Extension attribute '{name[:80]}' must be a string, an integer or true or false."
            )
    return None


def check(event: _Element) -> Refusal | None:
    """Return why an event is refused, or None."""
    # Most events are right: what each of them pays for is to be little.
    if not event.id or not event.source or not event.type:
        return property_required("CloudEventV10", "id" if not event.id else "source" if not event.source else "type")
    if "\0" in event.id or "\0" in event.source or "\0" in event.type or "\0" in (event.subject or ""):
        return _explain_text(event)
    if event.time is not None and not is_timestamp(event.time):
        return wrong_property("CloudEventV10", "time", event.time, "must be a time in RFC 3339")
    if event.data_base64 is not None:
        return _check_base64(event.data_base64, bytes(event.data))
    return None


def _explain_text(event: _Element) -> Refusal | None:
    named = (("id", event.id), ("source", event.source), ("type", event.type), ("subject", event.subject or ""))
    for name, value in named:
        reason = reason_against(value)
        if reason:
            return nonconforming("CloudEventV10", f"Property '{name}' {reason}.")
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
