"""The recorded Azure ML events of `topics/examples/events`, for the demo, the load tester and tests."""

from importlib.resources import files
from typing import Final

from topics.events import EventSchema

_SUFFIXES: Final[dict[EventSchema, str]] = {
    "EventGridSchema": ".eventgrid.json",
    "CloudEventSchemaV1_0": ".cloudevents.json",
}


def sample_events(schema: EventSchema) -> list[bytes]:
    """Return one recorded event of each of the five types, in one schema, each as one line of JSON."""
    folder = files("topics").joinpath("examples", "events")
    found = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(_SUFFIXES[schema])), key=lambda e: e.name
    )
    # Lines are joined, not parsed and written anew: numbers keep the digits in which they were recorded.
    return ["".join(line.strip() for line in entry.read_text().splitlines()).encode() for entry in found]
