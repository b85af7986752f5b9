"""The ledger: when each event was meant to be sent, and when each subscription got it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from hdrh.histogram import HdrHistogram

LOWEST_US: Final = 1
HIGHEST_US: Final = 3_600_000_000
DIGITS: Final = 3
PERCENTILES: Final = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99_9": 99.9, "max": 100.0}


@dataclass(slots=True)
class Second:
    """One second of the run: what was meant to be sent in it, what arrived in it, and what the sent ones waited."""

    published: int = 0
    received: int = 0
    latencies: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Ledger:
    """Latency counts from the intended send time, so that a stalled sender does not hide what its receivers waited."""

    sent_at: dict[int, float] = field(default_factory=dict)
    received: dict[int, set[int]] = field(default_factory=dict)
    rehearsed: dict[int, set[int]] = field(default_factory=dict)
    duplicates: int = 0
    first_received: float | None = None
    last_received: float | None = None
    seconds: dict[int, Second] = field(default_factory=dict)
    histogram: HdrHistogram = field(default_factory=lambda: HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS))
    _start: float | None = None

    def publish(self, number: int, intended: float) -> None:
        """Note when an event was meant to be sent."""
        if self._start is None:
            self._start = intended
        self.sent_at[number] = intended
        self._second(intended).published += 1

    def receive(self, subscription: int, number: int, at: float) -> None:
        """Note that a subscription got an event."""
        got = self.received.setdefault(subscription, set())
        if number in got:
            self.duplicates += 1
            return
        got.add(number)
        self.first_received = at if self.first_received is None else self.first_received
        self.last_received = at
        intended = self.sent_at.get(number)
        if intended is not None:
            seconds = max(0.0, at - intended)
            self.histogram.record_value(min(HIGHEST_US, max(LOWEST_US, round(seconds * 1e6))))
            self._second(intended).latencies.append(seconds)
            self._second(at).received += 1

    def rehearse(self, subscription: int, number: int) -> None:
        """Note that a subscription got an event of the rehearsal, which counts for nothing else."""
        self.rehearsed.setdefault(subscription, set()).add(number)

    def has_rehearsed(self, wanted: set[int], subscriptions: int) -> bool:
        """Say whether every subscription got these events of the rehearsal."""
        return all(wanted <= self.rehearsed.get(subscription, set()) for subscription in range(subscriptions))

    @property
    def delivered(self) -> int:
        """How many events all subscriptions got, repeats not counted."""
        return sum(map(len, self.received.values()))

    def missing(self, wanted: set[int], subscriptions: int) -> list[tuple[int, int]]:
        """Return each subscription and event that should have met and did not."""
        return [
            (subscription, number)
            for subscription in range(subscriptions)
            for number in sorted(wanted - self.received.get(subscription, set()))
        ]

    def unwanted(self, wanted: set[int]) -> int:
        """Return how many events came to a subscription that does not want them."""
        return sum(len(got - wanted) for got in self.received.values())

    def latency_ms(self) -> dict[str, float | None]:
        """Return the latency percentiles in milliseconds; None when nothing came."""
        if not self.histogram.get_total_count():
            return dict.fromkeys(PERCENTILES)
        return dict(zip(PERCENTILES, self.percentiles_ms(PERCENTILES.values()), strict=True))

    def percentiles_ms(self, percentiles: Iterable[float]) -> list[float]:
        """Return percentiles of the latency in milliseconds, which must ascend; 0 when nothing came."""
        wanted = list(percentiles)
        found: dict[float, int] = self.histogram.get_percentile_to_value_dict(wanted)
        return [round(found[percentile] / 1000, 3) for percentile in wanted]

    def _second(self, moment: float) -> Second:
        number = int(moment - (self._start or 0.0))
        found = self.seconds.get(number)
        if found is None:
            found = self.seconds[number] = Second()
        return found
