"""Batches of CloudEvents (§2.2), read column by column: no function of Python is called for each event of most."""

from collections.abc import Sequence
from itertools import repeat

import msgspec
from msgspec import Raw

from router.ingress.cloud_events import (
    HEADERS_TO_ID,
    SOURCE,
    SUBJECT,
    TIME,
    TYPE,
    PlainCloudEvent,
    check,
    header_of_origin,
    record_of,
)
from router.ingress.columns import LEAST_ALIKE, are_timestamps, encoded
from router.kafka.partitioning import placements_of
from router.kafka.ready_records import LENGTHS, ReadyRecord, Varints

_LACKING = {None}
_HEADERS = 6
"""Of an event with subject and time, whose source is where it was published."""

_decode = msgspec.json.Decoder(list[PlainCloudEvent]).decode
_length = LENGTHS.__getitem__
_subject_length = Varints(before=SUBJECT).__getitem__
_time_length = Varints(before=TIME).__getitem__


def cloud_event_records(array: bytes, elements: Sequence[Raw], source_id: str) -> list[ReadyRecord] | None:
    """Return the records of a whole array that was read at once, or None.

    `elements` are the bytes of each. None means that one of them is to be refused or has extensions: then
    `cloud_event_record` tells for each.
    """
    try:
        events = _decode(array)
    except msgspec.DecodeError:
        return None
    records = _records_alike(elements, events, source_id) if len(events) >= LEAST_ALIKE else None
    return _each(elements, events, source_id) if records is None else records


def _each(elements: Sequence[Raw], events: Sequence[PlainCloudEvent], source_id: str) -> list[ReadyRecord] | None:
    records = []
    for raw, event in zip(map(bytes, elements), events, strict=True):
        if check(event) is not None:
            return None
        records.append(record_of(raw, event, source_id))
    return records


def _records_alike(
    elements: Sequence[Raw], events: Sequence[PlainCloudEvent], source_id: str
) -> list[ReadyRecord] | None:
    """Return the records of events of one source that have a subject and a time, as most do; None if any is unusual.

    They are what `check` and `record_of` make of each.
    """
    sources = {event.source for event in events}
    given = [event.subject for event in events if event.subject is not None]
    times = [event.time for event in events if event.time is not None]
    are_complete = len(given) == len(times) == len(events)
    if not are_complete or len(sources) > 1 or {event.data_base64 for event in events} != _LACKING:
        return None
    ids = encoded([event.id for event in events])
    types = encoded([event.type for event in events])
    subjects = encoded(given)
    source = b"".join(encoded([*sources]))
    if not (source and ids and types and subjects and all(ids) and all(types) and are_timestamps(times)):
        return None
    keys = [subject or source for subject in subjects]
    origin = header_of_origin(events[0].source, source_id)
    source_header = SOURCE + LENGTHS[len(source)] + source
    type_headers = {type_: TYPE + LENGTHS[len(type_)] + type_ + source_header for type_ in set(types)}
    pieces = zip(
        map(_length, map(len, keys)), keys,
        map(_length, map(len, elements)), elements, repeat(LENGTHS[_HEADERS + bool(origin)] + HEADERS_TO_ID),
        map(_length, map(len, ids)), ids,
        map(type_headers.__getitem__, types),
        map(_subject_length, map(len, subjects)), subjects,
        map(_time_length, map(len, times)), map(str.encode, times), repeat(origin),
        strict=False,
    )  # fmt: skip
    return list(zip(placements_of(keys), map(b"".join, pieces), strict=True))
