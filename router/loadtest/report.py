"""The report of a load test: what it found, as figures for machines and people."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from router.loadtest.ledger import Ledger
from router.loadtest.options import LoadOptions

MOST_TIMES: Final = 1.05
"""Of the time that publishing should have taken."""
ACKNOWLEDGED_SECONDS: Final = 1.0
"""What may pass until the last events are acknowledged."""
WAYS: Final = {"http": "HTTP", "kafka": "Kafka"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a run showed; `unwanted` counts events that came to a subscription that does not want them."""

    options: LoadOptions
    started_at: datetime
    published: int
    expected: int
    lost: int
    duplicates: int
    unwanted: int
    publish_seconds: float
    receive_seconds: float
    ledger: Ledger

    @property
    def is_good(self) -> bool:
        """Nothing lost or misled, and nothing doubled where the router promises so: on topics."""
        return self.lost == 0 and self.unwanted == 0 and (self.options.sink == "webhook" or self.duplicates == 0)

    def verdict(self) -> str:
        """Return what the run showed in one sentence."""
        counts = {"lost": self.lost, "doubled": self.duplicates, "sent where nobody wanted them": self.unwanted}
        found = [f"{count:,} {what}" for what, count in counts.items() if count]
        if not found:
            return "Nothing lost, nothing doubled."
        repeats = " (a webhook gets each event at least once)" if self.is_good else ""
        return f"Of {self.expected:,} events {', '.join(found)}{repeats}."

    def shortfall(self) -> str | None:
        """Say that the events did not come in as fast as they were due; None when they did."""
        asked = self.options.rate
        if asked <= 0 or self.publish_seconds <= self.published / asked * MOST_TIMES + ACKNOWLEDGED_SECONDS:
            return None
        rate = _rate(self.published, self.publish_seconds)
        return (
            f"Published at {rate:,.0f} a second, not at the {asked:,g} asked for: "
            "whoever accepts the events, or this machine, was slower."
        )

    def figures(self) -> dict[str, Any]:
        """Return the figures in the shape of design §11."""
        return {
            "published": self.published,
            "expected": self.expected,
            "delivered": self.ledger.delivered,
            "lost": self.lost,
            "duplicates": self.duplicates,
            "publish_rate": _rate(self.published, self.publish_seconds),
            "delivery_rate": _rate(self.ledger.delivered, self.receive_seconds),
            "latency_ms": self.ledger.latency_ms(),
        }

    def fields(self) -> list[tuple[str, str]]:
        """Return the figures in words, for a table."""
        figures = self.figures()
        latency = {f"latency {name.replace('_', '.')} ms": value for name, value in figures.pop("latency_ms").items()}
        return [(name.replace("_", " "), shown(value)) for name, value in (figures | latency).items()]


def shown(value: float | None) -> str:
    """Return a figure for people: a dash where there is none."""
    return "–" if value is None else f"{value:,}"  # noqa: RUF001 (a dash where there is nothing)


def asked(options: LoadOptions) -> str:
    """Return what was asked for, in words."""
    pace = f"{options.rate:,g} a second" if options.rate else "as fast as possible"
    paused = (
        f"; the workers were stopped for {options.pause_worker_seconds:g} s" if options.pause_worker_seconds else ""
    )
    return (
        f"{options.events:,} events, {pace}, published over {WAYS[options.publish]}; "
        f"{options.subscriptions:,} {options.sink} subscription{'' if options.subscriptions == 1 else 's'}, "
        f"wanting {options.matching:.0%} of them{paused}"
    )


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds > 0 else 0.0
