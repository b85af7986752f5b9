"""What was published, what each subscription must have of it, and what it got: the pure half of the soak.

An event is *accepted* (the publish call answered 200: it must arrive) or *unsure* (no answer, or an error: it may
arrive, once). A subscription *must have* the accepted events of its window: those whose publish call began after it
surely applied, up to the moment at which its end was decided.
"""

from dataclasses import dataclass, field

BUCKETS = 10
ACCEPTED, UNSURE = 1, 2


def event_id(number: int) -> str:
    """Return the id of an event."""
    return f"soak-{number}"


def number_of(ident: str) -> int:
    """Return the number of an event."""
    return int(ident.rpartition("-")[2])


class Events:
    """The events of a run by number; their bucket is what subscriptions filter by."""

    def __init__(self):
        self._states = bytearray()
        self.open: set[int] = set()
        self.failures: dict[str, int] = {}

    @property
    def next_number(self) -> int:
        """The number of the event that is published next."""
        return len(self._states)

    def begin(self, count: int) -> range:
        """Take the numbers of events whose publish call begins now."""
        first = len(self._states)
        self._states.extend(bytes(count))
        numbers = range(first, first + count)
        self.open.add(first)
        return numbers

    def end(self, numbers: range, failure: str | None) -> None:
        """Note how a publish call ended."""
        self.open.discard(numbers.start)
        self._states[numbers.start : numbers.stop] = bytes([UNSURE if failure else ACCEPTED]) * len(numbers)
        if failure:
            self.failures[failure] = self.failures.get(failure, 0) + 1

    def is_settled(self, last: int) -> bool:
        """Say whether every call that began before `last` has ended."""
        return all(first >= last for first in self.open)

    def accepted(self, first: int, last: int, bucket: int | None) -> list[int]:
        """Return the accepted events of a range and a bucket (None: of all)."""
        return [
            number
            for number in range(first, last)
            if self._states[number] == ACCEPTED and (bucket is None or number % BUCKETS == bucket)
        ]

    def count(self, state: int) -> int:
        """Return how many events are in a state."""
        return self._states.count(state)


@dataclass
class Subscriber:
    """One subscription: what it filters by, when it surely was there, and how often each event came."""

    name: str
    kind: str
    bucket: int | None
    first: int = 0
    last: int = 0
    got: dict[int, int] = field(default_factory=dict)
    deliveries: dict[str, int] = field(default_factory=dict)
    """How often each delivery id came, at a webhook."""

    @property
    def filter_prefix(self) -> str:
        """What the subjects of its events begin with."""
        return "soak/" if self.bucket is None else f"soak/{self.bucket}/"

    def take(self, number: int, delivery: str | None = None) -> None:
        """Note an arrival."""
        if delivery is not None:
            seen = self.deliveries.get(delivery, 0)
            self.deliveries[delivery] = seen + 1
            if seen:
                return
        self.got[number] = self.got.get(number, 0) + 1

    def missing(self, events: Events) -> list[int]:
        """Return the events that it must have and has not."""
        return [n for n in events.accepted(self.first, self.last, self.bucket) if n not in self.got]

    def verdict(self, events: Events) -> dict:
        """Return what became of it."""
        foreign = [n for n in self.got if self.bucket is not None and n % BUCKETS != self.bucket]
        return {
            "name": self.name,
            "kind": self.kind,
            "expected": len(events.accepted(self.first, self.last, self.bucket)),
            "received": sum(self.got.values()),
            "lost": self.missing(events),
            "doubled": [number for number, times in self.got.items() if times > 1],
            "foreign": foreign,
            "repeats": sum(times - 1 for times in self.deliveries.values()),
        }
