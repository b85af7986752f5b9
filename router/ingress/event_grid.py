"""Elements of a request as Event Grid events (§2.1); their bytes are kept, what is missing is added."""

from collections.abc import Mapping
from functools import lru_cache
from itertools import product
from typing import NamedTuple

import msgspec
import orjson
from msgspec import UNSET, Raw, UnsetType

from router.ingress.refusals import (
    Refusal,
    SchemaName,
    nonconforming,
    property_required,
    unexpected_property,
    wrong_property,
)
from router.ingress.text import is_moment, reason_against
from router.kafka.partitioning import placement_of
from router.kafka.ready_records import LENGTHS, ReadyRecord, Varints, header, header_name
from topics.events import CE_ID, CE_SOURCE, CE_SUBJECT, CE_TIME, CE_TYPE, CONTENT_TYPE, EVENT_GRID_JSON

_REQUIRED = ("id", "subject", "eventType", "eventTime")
_OPTIONAL = ("topic", "dataVersion", "metadataVersion")
_EMPTY = (None, "")
_HEADERS_TO_ID = LENGTHS[6] + header(CONTENT_TYPE, EVENT_GRID_JSON) + header_name(CE_ID)
TYPE_LENGTHS = Varints(before=header_name(CE_TYPE))
TIME_LENGTHS = Varints(before=header_name(CE_TIME))
_KNOWN = frozenset((*_REQUIRED, *_OPTIONAL, "data"))


class EventGridElement(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """The properties of an event; `data` is looked at by nobody."""

    id: str
    subject: str
    type: str = msgspec.field(name="eventType")
    time: str = msgspec.field(name="eventTime")
    data: Raw = Raw()
    topic: str | UnsetType | None = UNSET
    data_version: str | UnsetType | None = msgspec.field(name="dataVersion", default=UNSET)
    metadata_version: str | UnsetType | None = msgspec.field(name="metadataVersion", default=UNSET)


class Ending(NamedTuple):
    """What stands behind an event that lacks some properties: the rest of the value, then the headers up to its id.

    `lengths` tells the value's length, as it stands in a record, by the length of the event as it was published.
    """

    text: bytes
    to_id: bytes
    lengths: Mapping[int, bytes]


class Stamps(NamedTuple):
    """What events of one source are given; `endings` by whether an event lacks topic, data's and metadata's version."""

    source: tuple[bytes, bytes]
    endings: Mapping[tuple[bool, ...], Ending]


@lru_cache(maxsize=1024)
def stamps_of(source_id: str) -> Stamps:
    """Return what events of a source are given."""
    values = dict(zip(_OPTIONAL, (source_id, "", "1"), strict=True))
    endings = {}
    for lacks in product((False, True), repeat=3):
        stamps = {name: value for (name, value), is_missing in zip(values.items(), lacks, strict=True) if is_missing}
        text = b"," + orjson.dumps(stamps)[1:] if stamps else b"}"
        endings[lacks] = Ending(text, text + _HEADERS_TO_ID, Varints(len(text) - len(b"}")))
    return Stamps(_source(source_id), endings)


@lru_cache(maxsize=1024)
def _source(source_id: str) -> tuple[bytes, bytes]:
    """Return a source as it is a key, and its header with the name of the next one, the subject's."""
    source = source_id.encode()
    return source, header(CE_SOURCE, source) + header_name(CE_SUBJECT)


_decode = msgspec.json.Decoder(EventGridElement).decode
_members = msgspec.json.Decoder(dict[str, Raw]).decode


def event_grid_record(raw: bytes, source_id: str, schema: SchemaName = "EventGridEvent") -> ReadyRecord | Refusal:
    """Return the record for an event that was published to a source, or why it is refused.

    `raw` is one JSON object in UTF-8; `schema` is what its source takes, for messages.
    """
    try:
        event = _decode(raw)
    except msgspec.ValidationError:
        return _explain(raw)
    return check(event, source_id, schema) or record_of(raw, event, stamps_of(source_id))


def record_of(raw: bytes, event: EventGridElement, stamps: Stamps) -> ReadyRecord:
    """Return the record of an event that is right; key, value and headers are put together in one go."""
    identifier, type_, time = event.id.encode(), event.type.encode(), event.time.encode()
    subject, lengths = event.subject.encode(), LENGTHS
    source, header_to_subject = _source(event.topic) if event.topic else stamps.source
    key = subject or source
    kept, ending = _stamped(raw, event, stamps)
    pieces = (
        lengths[len(key)], key,
        lengths[len(kept) + len(ending.text)], kept, ending.to_id,
        lengths[len(identifier)], identifier,
        TYPE_LENGTHS[len(type_)], type_,
        header_to_subject, lengths[len(subject)], subject,
        TIME_LENGTHS[len(time)], time,
    )  # fmt: skip
    return placement_of(key), b"".join(pieces)


def check(event: EventGridElement, source_id: str, schema: SchemaName) -> Refusal | None:
    """Return why an event is refused, or None."""
    # Most events are right: what each of them pays for is to be little.
    if not event.id or not event.type:
        return property_required(schema, "eventType" if event.id else "id")
    if "\0" in event.id or "\0" in event.type or "\0" in event.subject:
        return _explain_text(event, schema)
    if not is_moment(event.time):
        return wrong_property(schema, "eventTime", event.time, "must be a time in ISO 8601")
    if event.topic and event.topic != source_id and event.topic.lower() != source_id.lower():
        return wrong_property(
            schema, "topic", event.topic, f"was expected to either be null/empty or be set to '{source_id}'"
        )
    if event.metadata_version and event.metadata_version != "1":
        return wrong_property(
            schema,
            "metadataVersion",
            event.metadata_version,
            "was expected to either be null or be set to '1'",
        )
    return None


def _explain_text(event: EventGridElement, schema: SchemaName) -> Refusal | None:
    for name, value in (("id", event.id), ("eventType", event.type), ("subject", event.subject)):
        reason = reason_against(value)
        if reason:
            return nonconforming(schema, f"Property '{name}' {reason}.")
    return None


def _stamped(raw: bytes, event: EventGridElement, stamps: Stamps) -> tuple[bytes, Ending]:
    """Return the event, and behind it what only the service knows, or what its publisher left out."""
    topic, data_version, metadata_version = event.topic, event.data_version, event.metadata_version
    if topic in _EMPTY or data_version is None or metadata_version in _EMPTY:
        return _stamped_anew(raw, event, stamps)
    ending = stamps.endings[topic is UNSET, data_version is UNSET, metadata_version is UNSET]
    return raw[:-1], ending


def _stamped_anew(raw: bytes, event: EventGridElement, stamps: Stamps) -> tuple[bytes, Ending]:
    """Take out properties that are null or empty: the same name twice in one object means trouble downstream."""
    missing = (not event.topic, not isinstance(event.data_version, str), not event.metadata_version)
    names = {name for name, is_missing in zip(_OPTIONAL, missing, strict=True) if is_missing}
    kept = [orjson.dumps(name) + b":" + bytes(value) for name, value in _members(raw).items() if name not in names]
    return b"{" + b",".join(kept), stamps.endings[missing]


def _explain(raw: bytes) -> Refusal:
    """Say what is wrong with an element that could not be decoded."""
    members = {name: bytes(value) for name, value in _members(raw).items()}
    for name in members:
        if name not in _KNOWN:
            return unexpected_property("EventGridEvent", name)
    for name in _REQUIRED:
        if members.get(name, b"null") == b"null":
            return property_required("EventGridEvent", name)
    for name in (*_REQUIRED, *_OPTIONAL):
        if members.get(name, b"null")[:1] not in (b'"', b"n"):
            return nonconforming("EventGridEvent", f"Property '{name}' must be a string.")
    return nonconforming("EventGridEvent", "A property has the wrong type.")
