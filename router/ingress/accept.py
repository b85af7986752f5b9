"""From the body of a request to records of workspace.events: all of its events, or a refusal (§3.7). Pure."""

import re
from datetime import datetime
from itertools import accumulate
from typing import Final

import msgspec
from msgspec import Raw

from router.ingress.cloud_event_arrays import cloud_event_records
from router.ingress.cloud_events import cloud_event_record, is_cloud_event
from router.ingress.custom_schema import custom_record
from router.ingress.event_grid import event_grid_record
from router.ingress.event_grid_arrays import event_grid_records
from router.ingress.refusals import (
    MAX_DEPTH,
    MAX_EVENT_BYTES,
    MAX_EVENTS,
    MAX_REQUEST_BYTES,
    Refusal,
    SchemaName,
    invalid,
    nonconforming,
    too_large,
    too_many,
    unexpected_token,
    wrong_token,
)
from router.kafka.ready_records import ReadyRecord
from topics import Source

STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"

_WHITESPACE: Final = b" \t\r\n"
_TOKENS: Final = {
    b"{": "StartObject",
    b"[": "StartArray",
    b'"': "String",
    b"t": "Boolean",
    b"f": "Boolean",
    b"n": "Null",
}
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_DEEP_BYTES: Final = 2 * MAX_DEPTH
"""What is shorter has not enough brackets to be too deep."""
_NOT_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")

_elements = msgspec.json.Decoder(list[Raw]).decode
_element = msgspec.json.Decoder(Raw).decode


def accept(body: bytes, content_type: str, source: Source, accepted_at: datetime) -> list[ReadyRecord] | Refusal:
    """Return the records for every event of a request, or why the request is refused.

    Whether an element is a CloudEvent is told by the content type, else by its `specversion`: a workspace takes both
    schemas, a custom topic only its own (§2.3). `accepted_at` is now.
    """
    if len(body) > MAX_REQUEST_BYTES:
        return too_large(MAX_REQUEST_BYTES)
    media_type = content_type.partition(";")[0].strip().lower()
    body = body.strip(_WHITESPACE)
    elements = _split(body, _schema_name(media_type, source))
    if isinstance(elements, Refusal):
        return elements
    refusal = _check_form(body, media_type, elements, source)
    # Small elements cannot be too deep or too large, and one that is no object is none of a known schema either.
    are_small = max(map(len, elements), default=0) < _DEEP_BYTES
    if refusal is None and not are_small:
        refusal = _first_refusal(elements)
    if refusal is not None:
        return refusal
    records = _all_at_once(body, elements, media_type, source)
    if records is not None:
        return records
    refusal = _first_refusal(elements) if are_small else None
    return refusal or _one_by_one(elements, media_type, source, accepted_at)


def _first_refusal(elements: list[Raw]) -> Refusal | None:
    return next(filter(None, map(_check_element, map(bytes, elements))), None)


def _all_at_once(body: bytes, elements: list[Raw], media_type: str, source: Source) -> list[ReadyRecord] | None:
    """Return the records of an array whose elements are right and alike, as most are, for half the price; else None."""
    if body[:1] != b"[" or media_type == STRUCTURED:
        return None
    if media_type == BATCH and source.input_schema in (None, "CloudEventSchemaV1_0"):
        return cloud_event_records(body, elements, source.id)
    if media_type != BATCH and source.input_schema in (None, "EventGridSchema"):
        return event_grid_records(body, elements, source.id)
    return None


def _one_by_one(
    elements: list[Raw], media_type: str, source: Source, accepted_at: datetime
) -> list[ReadyRecord] | Refusal:
    """Return the records of elements of any kind, or why the first of the wrong ones is refused."""
    records = []
    for raw in map(bytes, elements):
        record = _record(raw, media_type, source, accepted_at)
        if isinstance(record, Refusal):
            return record
        records.append(record)
    return records


def _schema_name(media_type: str, source: Source) -> SchemaName:
    """Return what to call the schema that a request should be in."""
    match source.input_schema:
        case "CloudEventSchemaV1_0":
            return "CloudEventV10"
        case "CustomEventSchema":
            return "CustomEvent"
        case "EventGridSchema":
            return "EventGridEvent"
        case _:
            return "CloudEventV10" if media_type in (STRUCTURED, BATCH) else "EventGridEvent"


def _split(body: bytes, schema: SchemaName) -> list[Raw] | Refusal:
    """Return the elements of an array, or the one thing that the body is; each as its bytes came, which stay there."""
    try:
        if not body.isascii():
            body.decode()  # msgspec does not look into strings that it skips
        if body[:1] == b"[":
            return _elements(body)
        return [_element(body)]
    except UnicodeDecodeError as error:
        return nonconforming(schema, f"It is not UTF-8 (byte {error.start}).")
    except msgspec.DecodeError as error:
        return nonconforming(schema, f"{error}.")  # names a position, never what stands there
    except RecursionError:
        return _too_deep()


def _check_form(body: bytes, media_type: str, elements: list[Raw], source: Source) -> Refusal | None:
    first = token_of(body)
    if source.input_schema == "CustomEventSchema" and body[:1] != b"[":
        return unexpected_token("StartArray", first)
    if media_type == STRUCTURED and body[:1] != b"{":
        return wrong_token("CloudEventV10", "StartObject", first)
    if media_type == BATCH and body[:1] != b"[":
        return wrong_token("CloudEventV10", "StartArray", first)
    if media_type != STRUCTURED and body[:1] != b"[" and not _is_single_cloud_event(body, source):
        return unexpected_token("StartArray", first)
    return too_many(MAX_EVENTS) if len(elements) > MAX_EVENTS else None


def _is_single_cloud_event(body: bytes, source: Source) -> bool:
    return source.input_schema != "EventGridSchema" and body[:1] == b"{" and is_cloud_event(body)


def _record(raw: bytes, media_type: str, source: Source, accepted_at: datetime) -> ReadyRecord | Refusal:
    if source.input_schema == "EventGridSchema":
        return event_grid_record(raw, source.id)
    if source.input_schema == "CustomEventSchema":
        return custom_record(raw, source.id, source.input_schema_mapping, accepted_at)
    if media_type in (STRUCTURED, BATCH) or is_cloud_event(raw):
        return cloud_event_record(raw, source.id)
    if source.input_schema == "CloudEventSchemaV1_0":
        return wrong_token("CloudEventV10", "StartObject", "StartArray")
    return event_grid_record(raw, source.id)


def _check_element(raw: bytes) -> Refusal | None:
    if raw[:1] != b"{":
        return unexpected_token("StartObject", token_of(raw))
    if len(raw) < _DEEP_BYTES:
        return None
    if len(raw) > MAX_EVENT_BYTES:
        return too_large(MAX_EVENT_BYTES)
    return _too_deep() if _depth_exceeds(raw, MAX_DEPTH) else None


def token_of(json: bytes) -> str:
    """Return what Event Grid's messages call the first token of a JSON text."""
    return _TOKENS.get(json[:1]) or ("Float" if b"." in json else "Integer")


def _too_deep() -> Refusal:
    return invalid(f"The JSON received is nested deeper than {MAX_DEPTH} levels.", has_report=False)


def _depth_exceeds(json: bytes, limit: int) -> bool:
    """Say whether valid JSON is nested deeper than `limit`; later stages would fail at it, at depths of their own."""
    if json.count(b"{") + json.count(b"[") <= limit:
        return False
    brackets = _STRINGS.sub(b"", json).translate(None, _NOT_BRACKETS)
    steps = (1 if bracket in b"{[" else -1 for bracket in brackets)
    return max(accumulate(steps)) > limit
