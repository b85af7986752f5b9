"""The events that a load test sends again and again: recorded ones of Azure ML, or those of a file."""

from pathlib import Path

import orjson

from router.client.batches import PublishableEvent, read_events
from router.errors import RefusedError
from topics.samples import sample_events

NEEDED = ("eventType", "eventTime")
"""What else an event has that is no text of the run's own."""


def templates_of(events_file: Path | None) -> list[bytes]:
    """Return the events to draw from, one JSON object each.

    Raises:
        RefusedError: the file cannot be read, holds no events, or one that is no event of the Event Grid schema.
    """
    if events_file is None:
        return sample_events("EventGridSchema")
    try:
        found = read_events(events_file.read_bytes())
    except OSError as error:
        raise RefusedError(f"cannot read {events_file}: {error.strerror}") from None
    if not found:
        raise RefusedError(f"there are no events in {events_file}")
    return [_checked(events_file, event) for event in found]


def _checked(file: Path, event: PublishableEvent) -> bytes:
    where = f"{event} of {file}"
    if event.schema != "EventGridSchema":
        raise RefusedError(f"{where} is a CloudEvent", hint="A load test sends events of the Event Grid schema.")
    fields = orjson.loads(event.raw)
    for name in NEEDED:
        if not isinstance(fields.get(name), str):
            raise RefusedError(f"{where} has no {name}", hint="id, subject and topic are given by the test.")
    return event.raw
