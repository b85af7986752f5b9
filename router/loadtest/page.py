"""The report as a page for a colleague: verdict, figures and plots in one file."""

import html
import math
import shlex
from typing import Final

from router.loadtest.charts import Line, Scale, chart, decades, from_zero
from router.loadtest.ledger import Ledger, Second
from router.loadtest.options import LoadOptions
from router.loadtest.report import Report, asked, shown

BLUE: Final = "#1f5fbf"
ORANGE: Final = "#c8661c"
GREY: Final = "#8a919c"
GOOD: Final = "#176b3a"
BAD: Final = "#a1201b"
STEPS_A_DECADE: Final = 20
MARKS: Final = 12
LOWEST_MS: Final = 0.1


def page(report: Report) -> str:
    """Return an HTML page that needs nothing from elsewhere."""
    return _PAGE.format(
        verdict=html.escape(report.verdict()),
        colour=GOOD if report.is_good else BAD,
        asked=html.escape(asked(report.options)),
        shortfall=html.escape(report.shortfall() or ""),
        when=f"{report.started_at:%Y-%m-%d %H:%M} UTC",
        command=html.escape(command(report.options)),
        tiles=_tiles(report),
        plots="".join(_plots(report.ledger)) or "<p>Nothing was received.</p>",
    )


def command(options: LoadOptions) -> str:
    """Return the command that runs the same test."""
    words = ["router", "loadtest", "--events", str(options.events), "--rate", f"{options.rate:g}"]
    words += ["--subscriptions", str(options.subscriptions), "--sink", options.sink]
    words += ["--matching", f"{options.matching:g}", "--publish", options.publish]
    if options.events_file is not None:
        words += ["--events-file", str(options.events_file)]
    if options.pause_worker_seconds:
        words += ["--pause-worker", f"{options.pause_worker_seconds:g}"]
    return shlex.join(words)


def _tiles(report: Report) -> str:
    figures = report.figures()
    latency = figures["latency_ms"]
    tiles = [
        ("published", figures["published"], ""),
        ("delivered", figures["delivered"], f"of {report.expected:,} expected"),
        ("lost", figures["lost"], "every id verified"),
        ("doubled", figures["duplicates"], ""),
        ("published a second", figures["publish_rate"], ""),
        ("delivered a second", figures["delivery_rate"], "first to last"),
        *((f"{name.replace('_', '.')}, ms", value, "") for name, value in latency.items()),
    ]
    return "".join(
        f"<div><dt>{name}</dt><dd>{shown(round_off(value))}</dd><small>{note}</small></div>"
        for name, value, note in tiles
    )


def round_off(value: float | None) -> float | None:
    """Return a figure with as many digits as anybody reads: one behind the point, more below 10."""
    if value is None or isinstance(value, int):
        return value
    return round(value, 1 if value >= 10 else 2)  # noqa: PLR2004 (two digits before the point)


def _plots(ledger: Ledger) -> list[str]:
    """Return the plots; none of a run in which nothing was received."""
    if not ledger.histogram.get_total_count():
        return []
    return [_by_percentile(ledger), _over_time(ledger), _events_a_second(ledger)]


def _by_percentile(ledger: Ledger) -> str:
    """Latency by percentile: each nine gets as much room, as the tail is what users feel."""
    nines = max(1, math.ceil(math.log10(ledger.histogram.get_total_count())))
    steps = [step / STEPS_A_DECADE for step in range(nines * STEPS_A_DECADE + 1)]
    values = ledger.percentiles_ms(100 - 100 / 10**at for at in steps)
    points = [(at, max(LOWEST_MS, value)) for at, value in zip(steps, values, strict=True)]
    marks = [(float(nine), f"{100 - 100 / 10**nine:.{max(0, nine - 2)}f} %") for nine in range(nines + 1)]
    up = decades(min(y for _, y in points), max(y for _, y in points))
    return chart("Latency by percentile, ms", [Line("latency", BLUE, points)], Scale(marks), up)


def _over_time(ledger: Ledger) -> str:
    """Latency of the events that were meant to be sent in each second: a stall shows as a peak."""
    seconds = {number: sorted(second.latencies) for number, second in ledger.seconds.items() if second.latencies}
    shares = {"longest": (1.0, GREY), "p99": (0.99, ORANGE), "p50": (0.5, BLUE)}
    lines = [
        Line(name, colour, [(at, max(LOWEST_MS, _quantile(waits, share))) for at, waits in sorted(seconds.items())])
        for name, (share, colour) in shares.items()
    ]
    values = [y for line in lines for _, y in line.points]
    return chart(
        "Latency by the second in which events were due, ms",
        lines,
        _time_scale(ledger),
        decades(min(values), max(values)),
    )


def _events_a_second(ledger: Ledger) -> str:
    nothing = Second()
    seconds = [(at, ledger.seconds.get(at, nothing)) for at in range(max(ledger.seconds) + 1)]
    lines = [
        Line("due", GREY, [(at, second.published) for at, second in seconds]),
        Line("received", BLUE, [(at, second.received) for at, second in seconds]),
    ]
    most = max(y for line in lines for _, y in line.points)
    return chart("Events a second", lines, _time_scale(ledger), from_zero(most))


def _time_scale(ledger: Ledger) -> Scale:
    last = max(1, *ledger.seconds)
    step = math.ceil(last / MARKS)
    return Scale([(at, f"{at} s") for at in range(0, last + step, step)])


def _quantile(waits: list[float], share: float) -> float:
    """Return a quantile of sorted seconds, in milliseconds."""
    return waits[min(len(waits) - 1, int(len(waits) * share))] * 1000


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Load test: {verdict}</title><style>
body {{ font: 15px/1.5 system-ui, sans-serif; max-width: 860px; margin: 2rem auto; padding: 0 1rem; color: #1d2330; }}
h1 {{ color: {colour}; margin-bottom: .2rem; }} p {{ margin: .3rem 0; }} .note {{ color: #5b6472; font-size: .9rem; }}
code {{ background: #f2f4f7; padding: .1rem .3rem; border-radius: 3px; font-size: .85rem; }}
dl {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(128px, 1fr)); gap: .6rem; margin: 1.2rem 0; }}
dl div {{ border: 1px solid #dde1e8; border-radius: 6px; padding: .5rem .7rem; }}
dt, small {{ color: #5b6472; font-size: .8rem; }} dd {{ margin: 0; font-size: 1.25rem; font-weight: 600; }}
figure {{ margin: 1.6rem 0; }} figcaption {{ font-weight: 600; }}
figcaption span {{ font-weight: 400; margin-left: 1rem; font-size: .85rem; }}
i {{ display: inline-block; width: 1rem; height: 3px; margin-right: .35rem; vertical-align: middle; }}
svg {{ width: 100%; }} svg text {{ font-size: 11px; fill: #5b6472; }} line {{ stroke: #e3e6ec; }}
polyline {{ fill: none; stroke-width: 2; stroke-linejoin: round; }}
</style></head><body><h1>{verdict}</h1><p>{asked}. {shortfall}</p><p class="note">{when} · <code>{command}</code></p>
<dl>{tiles}</dl>{plots}
<p class="note">The loop is open: events are sent when they are due, whatever became of those before them. Latency
counts from then to the moment at which the receiver has the event. After publishing, every id was looked for there.</p>
</body></html>
"""
