"""Arrays of Event Grid events (§2.1), read column by column: no function of Python is called for each event of most."""

from collections.abc import Sequence
from itertools import accumulate, pairwise, repeat

import msgspec
from msgspec import UNSET, Raw

from router.ingress.columns import LEAST_ALIKE, are_moments, encoded
from router.ingress.event_grid import (
    TIME_LENGTHS,
    TYPE_LENGTHS,
    Ending,
    EventGridElement,
    Stamps,
    check,
    record_of,
    stamps_of,
)
from router.kafka.partitioning import placements_of
from router.kafka.ready_records import LENGTHS, ReadyRecord

_LACKING = {UNSET}
_METADATA_VERSION = {"1"}

_decode = msgspec.json.Decoder(list[EventGridElement]).decode
_length = LENGTHS.__getitem__
_time_length = TIME_LENGTHS.__getitem__


def event_grid_records(array: bytes, elements: Sequence[Raw], source_id: str) -> list[ReadyRecord] | None:
    """Return the records of a whole array that was read at once; None when one of its elements is to be refused.

    `elements` are the bytes of each. Which one is wrong, and why, `event_grid_record` says.
    """
    try:
        events = _decode(array)
    except msgspec.DecodeError:
        return None
    stamps = stamps_of(source_id)
    records = _records_alike(elements, events, source_id, stamps) if len(events) >= LEAST_ALIKE else None
    return _each(elements, events, source_id, stamps) if records is None else records


def _each(
    elements: Sequence[Raw], events: Sequence[EventGridElement], source_id: str, stamps: Stamps
) -> list[ReadyRecord] | None:
    records = []
    for raw, event in zip(elements, events, strict=True):
        if check(event, source_id, "EventGridEvent") is not None:
            return None
        records.append(record_of(bytes(raw), event, stamps))
    return records


def _records_alike(
    elements: Sequence[Raw], events: Sequence[EventGridElement], source_id: str, stamps: Stamps
) -> list[ReadyRecord] | None:
    """Return the records of events that lack the same properties, as one publisher's do; None if any is unusual.

    They are what `check` and `record_of` make of each.
    """
    ending = _common_ending(events, source_id, stamps)
    ids = encoded([event.id for event in events])
    types = encoded([event.type for event in events])
    subjects = encoded([event.subject for event in events])
    times = [event.time for event in events]
    if ending is None or not (ids and types and subjects and all(ids) and all(types) and are_moments(times)):
        return None
    source, header_to_subject = stamps.source
    keys = [subject or source for subject in subjects]
    type_headers = {type_: TYPE_LENGTHS[len(type_)] + type_ + header_to_subject for type_ in set(types)}
    sizes = list(map(len, elements))
    pieces = zip(
        map(_length, map(len, keys)), keys,
        map(ending.lengths.__getitem__, sizes), _without_brace(elements, sizes), repeat(ending.to_id),
        map(_length, map(len, ids)), ids,
        map(type_headers.__getitem__, types),
        map(_length, map(len, subjects)), subjects,
        map(_time_length, map(len, times)), map(str.encode, times),
        strict=False,
    )  # fmt: skip
    return list(zip(placements_of(keys), map(b"".join, pieces), strict=True))


def _common_ending(events: Sequence[EventGridElement], source_id: str, stamps: Stamps) -> Ending | None:
    """Return what all events are to end with; None when it is not the same, or one has something to be taken out."""
    topics = {event.topic for event in events}
    data_versions = {event.data_version for event in events}
    metadata_versions = {event.metadata_version for event in events}
    if topics not in (_LACKING, {source_id}) or metadata_versions not in (_LACKING, _METADATA_VERSION):
        return None
    if None in data_versions or (UNSET in data_versions and data_versions != _LACKING):
        return None
    return stamps.endings[topics == _LACKING, data_versions == _LACKING, metadata_versions == _LACKING]


def _without_brace(elements: Sequence[Raw], sizes: Sequence[int]) -> list[bytes]:
    """Return objects without the brace at their end, cut out of all of them in a row, as `bytes` of one is slow."""
    row = b"".join(elements)
    return [row[start : end - 1] for start, end in pairwise(accumulate(sizes, initial=0))]
