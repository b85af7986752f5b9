"""The pure half: which events are published when, and what each subscription must get."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import orjson

from topics.events import CE_ID, CE_SOURCE, CE_SUBJECT, CE_TIME, CE_TYPE, CONTENT_TYPE, EVENT_GRID_JSON

WANTED = "wanted"
OTHER = "other"
REHEARSAL = "rehearsal"
SUBJECTS = 997
"""Subjects of a run: enough to spread over all partitions."""
MANY_A_SECOND = 5_000
_CONTENT_TYPE = (CONTENT_TYPE, EVENT_GRID_JSON)


@dataclass(frozen=True, slots=True)
class Planned:
    """One event: its number, its Event Grid JSON, and the headers that an outside producer gives it."""

    number: int
    subject: str
    body: bytes
    headers: tuple[tuple[str, bytes], ...]


class _Template:
    """What all events of one kind have in common, written once: a load of 10,000 a second is made on the side."""

    def __init__(self, template: bytes, source: str) -> None:
        event = orjson.loads(template)
        common = {name: value for name, value in event.items() if name not in {"id", "subject", "topic"}}
        self._rest = orjson.dumps({"topic": source} | common)[1:]
        self._kind = ((CE_TYPE, event["eventType"].encode()), (CE_SOURCE, source.encode()))
        self._time = (CE_TIME, event["eventTime"].encode())

    def event(self, number: int, ident: bytes, subject: bytes) -> Planned:
        """Return an event with an id and a subject of its own, which hold nothing that JSON escapes."""
        body = b'{"id":"%b","subject":"%b",%b' % (ident, subject, self._rest)
        headers = (_CONTENT_TYPE, (CE_ID, ident), *self._kind, (CE_SUBJECT, subject), self._time)
        return Planned(number, subject.decode(), body, headers)


class Plan:
    """The events of one run; `run` keeps its ids and subjects apart from those of every other run."""

    def __init__(self, run: str, templates: Sequence[bytes], source: str, *, events: int, matching: float) -> None:
        self.run = run
        self.events = events
        self._templates = [_Template(template, source) for template in templates]
        self._wanted, self._of = Fraction(matching).limit_denominator(10_000).as_integer_ratio()

    @property
    def prefix(self) -> str:
        """What the subject of every wanted event begins with."""
        return f"loadtest/{self.run}/{WANTED}/"

    def is_wanted(self, number: int) -> bool:
        """Say whether the subscriptions want an event; the wanted ones are spread evenly."""
        return (number + 1) * self._wanted // self._of > number * self._wanted // self._of

    def wanted(self) -> set[int]:
        """Return the numbers of all events that every subscription must get."""
        return {number for number in range(self.events) if self.is_wanted(number)}

    def event(self, number: int) -> Planned:
        """Return an event of the run: a template with an id, a subject and a source of its own."""
        return self._event(number, event_id(self.run, number), WANTED if self.is_wanted(number) else OTHER)

    def rehearsal(self, number: int) -> Planned:
        """Return an event that every subscription wants and that counts for nothing."""
        return self._event(number, event_id(self.run, f"{REHEARSAL}{number}"), WANTED)

    def _event(self, number: int, ident: str, kind: str) -> Planned:
        subject = f"loadtest/{self.run}/{kind}/{number % SUBJECTS}"
        return self._templates[number % len(self._templates)].event(number, ident.encode(), subject.encode())


def event_id(run: str, number: int | str) -> str:
    """Return the id of an event."""
    return f"{run}-{number}"


def number_of(run: str, ident: str) -> int | None:
    """Return the number of an event of this run; None when the id is not one of its."""
    prefix, _, number = ident.rpartition("-")
    return int(number) if prefix == run and number.isdecimal() else None


def rehearsal_of(run: str, ident: str) -> int | None:
    """Return the number of an event of this run's rehearsal; None when the id is not one of its."""
    prefix, _, number = ident.rpartition(f"-{REHEARSAL}")
    return int(number) if prefix == run and number.isdecimal() else None


def due(number: int, rate: float) -> float:
    """Return when an event is meant to be sent, in seconds after the start; 0 when there is no pace."""
    return number / rate if rate > 0 else 0.0


def due_by(elapsed: float, rate: float) -> float:
    """Return how many events are due so many seconds after the start: without a pace, all there are."""
    return math.floor(elapsed * rate) + 1 if rate > 0 else math.inf


def is_dense(rate: float) -> bool:
    """Say whether events come so fast that those of a few milliseconds travel and are fetched together."""
    return not 0 < rate < MANY_A_SECOND
