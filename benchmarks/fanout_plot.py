"""The plot of the fan-out benchmark: bars, as an SVG that needs nothing from elsewhere."""

import html
from collections.abc import Sequence
from typing import Final

from benchmarks.fanout_table import Row

WIDTH: Final = 900
LABELS: Final = 250
BARS: Final = 420
BAR: Final = 16
GAP: Final = 5
HEAD: Final = 40
TITLE: Final = 26
COLOURS: Final = {"effectively_once": "#1f5fbf", "at_least_once": "#8fb4e8"}
NAMES: Final = {"effectively_once": "effectively once (transactions)", "at_least_once": "at least once"}


def plot(rows: Sequence[Row]) -> str:
    """Return a panel for each number of sinks: events a second as bars, CPU an event beside them."""
    parts, top = [_legend()], HEAD
    for sinks in dict.fromkeys(row.entry.sinks for row in rows):
        panel, top = _panel([row for row in rows if row.entry.sinks == sinks], sinks, top)
        parts.append(panel)
    style = (
        "<style>text { font: 13px system-ui, sans-serif; fill: #222 } .small { font-size: 12px; fill: #555 }"
        " .title { font-size: 15px; font-weight: 600 }</style>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img"'
        f' aria-label="Fan-out: events a second">{style}<rect width="{WIDTH}" height="{top}" fill="#fff"/>'
        f"{''.join(parts)}</svg>\n"
    )


def _legend() -> str:
    parts, left = [], LABELS
    for guarantee, colour in COLOURS.items():
        parts.append(f'<rect x="{left}" y="10" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{left + 18}" y="21" class="small">{NAMES[guarantee]}</text>')
        left += 230
    return "".join(parts)


def _panel(rows: Sequence[Row], sinks: int, top: float) -> tuple[str, float]:
    most = max(row.rate for row in rows)
    parts = [f'<text x="10" y="{top + 14}" class="title">{sinks} sink{"s"[: sinks > 1]}: events a second</text>']
    top += TITLE
    for name in dict.fromkeys(row.entry.contestant.name for row in rows):
        alike = [row for row in rows if row.entry.contestant.name == name]
        middle = top + len(alike) * BAR / 2 + 4
        title = html.escape(alike[0].entry.contestant.title.replace("**", ""))
        weight = ' style="font-weight: 600"' if alike[0].entry.contestant.instances else ""
        parts.append(f'<text x="{LABELS - 10}" y="{middle:.1f}" text-anchor="end"{weight}>{title}</text>')
        for row in alike:
            parts.append(_bar(row, top, most))
            top += BAR
        top += GAP
    return "".join(parts), top + TITLE / 2


def _bar(row: Row, top: float, most: float) -> str:
    width = max(1.0, row.rate / most * BARS)
    return (
        f'<rect x="{LABELS}" y="{top + 1}" width="{width:.1f}" height="{BAR - 2}" rx="2"'
        f' fill="{COLOURS[row.entry.guarantee]}"/>'
        f'<text x="{LABELS + width + 8:.1f}" y="{top + BAR - 4}" class="small">'
        f"{row.rate:,.0f}/s, {row.cpu:,.{1 if row.cpu < 100 else 0}f} µs CPU an event</text>"
    )
