"""The ledger: when each event was meant to be sent, and when each subscription got it."""

from dataclasses import dataclass, field
from typing import Final

from hdrh.histogram import HdrHistogram

LOWEST_US: Final = 1
HIGHEST_US: Final = 3_600_000_000
DIGITS: Final = 3
PERCENTILES: Final = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99_9": 99.9, "max": 100.0}


@dataclass(slots=True)
class Ledger:
    """Latency counts from the intended send time, so that a stalled sender does not hide what its receivers waited."""

    sent_at: dict[int, float] = field(default_factory=dict)
    received: dict[int, set[int]] = field(default_factory=dict)
    duplicates: int = 0
    first_received: float | None = None
    last_received: float | None = None
    by_second: dict[int, list[float]] = field(default_factory=dict)
    histogram: HdrHistogram = field(default_factory=lambda: HdrHistogram(LOWEST_US, HIGHEST_US, DIGITS))

    def publish(self, number: int, intended: float) -> None:
        """Note when an event was meant to be sent."""
        self.sent_at[number] = intended

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
            self.by_second.setdefault(int(at), []).append(seconds)

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

    def latency_ms(self) -> dict[str, float | None]:
        """Return the latency percentiles in milliseconds; None when nothing came."""
        if not self.delivered:
            return dict.fromkeys(PERCENTILES)
        return {
            name: round(self.histogram.get_value_at_percentile(percentile) / 1000, 3)
            for name, percentile in PERCENTILES.items()
        }
