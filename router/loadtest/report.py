"""The report: figures for machines, a table for a terminal, a page for a colleague."""

import html
from dataclasses import dataclass
from typing import Any

from router.loadtest.ledger import Ledger
from router.loadtest.options import LoadOptions


@dataclass(frozen=True, slots=True)
class Report:
    """What a run showed."""

    options: LoadOptions
    published: int
    expected: int
    lost: int
    duplicates: int
    publish_seconds: float
    receive_seconds: float
    ledger: Ledger

    @property
    def is_good(self) -> bool:
        """Nothing lost, and nothing doubled where the router promises so: on topics."""
        return self.lost == 0 and (self.options.sink == "webhook" or self.duplicates == 0)

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

    def page(self) -> str:
        """Return an HTML page of its own, with plots, that needs nothing from elsewhere."""
        figures = self.figures()
        rows = "".join(
            f"<tr><th>{html.escape(name.replace('_', ' '))}</th><td>{_shown(value)}</td></tr>"
            for name, value in {**figures, **figures.pop("latency_ms")}.items()
            if name != "latency_ms"
        )
        verdict = "Nothing lost, nothing doubled." if self.is_good else "Events were lost or doubled."
        return _PAGE.format(
            verdict=verdict,
            colour="#176b3a" if self.is_good else "#a1201b",
            asked=html.escape(_asked(self.options)),
            rows=rows,
            percentiles=_percentile_plot(self.ledger),
            timeline=_timeline_plot(self.ledger),
        )


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds > 0 else 0.0


def _shown(value: object) -> str:
    return "–" if value is None else f"{value:,}"  # noqa: RUF001 (a dash where there is nothing)


def _asked(options: LoadOptions) -> str:
    pace = f"{options.rate:,g} events/s" if options.rate else "as fast as possible"
    return (
        f"{options.events:,} events, {pace}, over {options.publish}, "
        f"{options.subscriptions} {options.sink} subscription{'s' if options.subscriptions > 1 else ''}, "
        f"{options.matching:.0%} of the events wanted"
    )


WIDTH, HEIGHT, LEFT, BOTTOM = 760, 260, 70, 30


def _percentile_plot(ledger: Ledger) -> str:
    """Latency by percentile: the tail is what users feel, so it gets half of the width."""
    marks = [0, 25, 50, 75, 90, 95, 99, 99.5, 99.9, 99.99, 100]
    if not ledger.delivered:
        return ""
    values = [ledger.histogram.get_value_at_percentile(mark) / 1000 for mark in marks]
    return _plot(list(range(len(marks))), values, [f"{mark:g} %" for mark in marks], "latency, ms")


def _timeline_plot(ledger: Ledger) -> str:
    """The worst latency of each second of the run: a stall shows as a peak."""
    seconds = sorted(ledger.by_second)
    if not seconds:
        return ""
    worst = [max(ledger.by_second[second]) * 1000 for second in seconds]
    places = [second - seconds[0] for second in seconds]
    return _plot(places, worst, [f"{place} s" for place in places], "worst latency in the second, ms")


def _plot(places: list[int], values: list[float], labels: list[str], title: str) -> str:
    top = max(values) or 1.0
    right = max(places[-1], 1)

    def x(place: float) -> float:
        return LEFT + place / right * (WIDTH - LEFT - 20)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / top * (HEIGHT - BOTTOM - 30)

    line = " ".join(f"{x(place):.1f},{y(value):.1f}" for place, value in zip(places, values, strict=True))
    every = max(1, len(labels) // 11)
    below = "".join(
        f'<text x="{x(place):.1f}" y="{HEIGHT - 10}" text-anchor="middle">{label}</text>'
        for place, label in list(zip(places, labels, strict=True))[::every]
    )
    beside = "".join(
        f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y(top * part):.1f}" y2="{y(top * part):.1f}" class="grid"/>'
        f'<text x="{LEFT - 8}" y="{y(top * part) + 4:.1f}" text-anchor="end">{top * part:,.1f}</text>'
        for part in (0, 0.25, 0.5, 0.75, 1)
    )
    return (
        f'<h2>{title}</h2><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{title}">'
        f'{beside}{below}<polyline points="{line}" fill="none" stroke="#1f5fbf" stroke-width="2"/></svg>'
    )


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Load test</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 800px; margin: 2rem auto; padding: 0 1rem; color: #222; }}
table {{ border-collapse: collapse; }} th {{ text-align: left; font-weight: 500; padding: .2rem 2rem .2rem 0; }}
td {{ text-align: right; font-variant-numeric: tabular-nums; }} svg {{ width: 100%; }} svg text {{ font-size: 11px; }}
.grid {{ stroke: #ddd; }} h1 {{ color: {colour}; }} h2 {{ font-size: 1rem; margin-top: 2rem; }}
</style></head><body><h1>{verdict}</h1><p>{asked}. Latency counts from the intended send time.</p>
<table>{rows}</table>{percentiles}{timeline}</body></html>
"""
