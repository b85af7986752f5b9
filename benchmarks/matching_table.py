"""The table of the matching benchmark: a line for each bank at each size, and what it says in short."""

from typing import Any, Final

HEADING: Final = (
    f"{'bank':<17}{'subs':>7}{'hits':>8} │{'router events/s':>16}{'(min … max)':>21}{'by CPU':>9}{'+envelope':>11}"
    f"{'adds/s':>9}{'removes/s':>10}{'swap ms':>8}{'worst':>7}{'by CPU':>7}{'B/sub':>7} │"
    f"{'event-ruler':>12}{'(min … max)':>21}{'load s':>8} │{'ratio':>7}{'by CPU':>8}"
)


def line(rows: list[dict[str, Any]], reason: str | None) -> str:
    """Return one line of the table: a bank at a size."""
    ours = rows[0]
    text = (
        f"{ours['bank']:<17}{ours['subscriptions']:>7,}{ours['matches_per_event']:>8.2f} │{_rate(ours):>37}"
        f"{ours['events_per_cpu_second']['median']:>9,.0f}{ours['with_envelopes_per_second']['median']:>11,.0f}"
        f"{ours['adds_per_second']:>9,.0f}{ours['removes_per_second']:>10,.0f}{_pauses(ours['swap_ms'])}"
        f"{ours['bytes_per_subscription']:>7,.0f} │"
    )
    if len(rows) == 1:
        return f"{text}{reason or '':>41} │"
    ratios = f"{ours['ratio_to_event_ruler']:>7.2f}{ours['cpu_ratio']:>8.2f}"
    return f"{text}{_rate(rows[1]):>33}{rows[1]['load_seconds']:>8.2f} │{ratios}"


def _rate(row: dict[str, Any]) -> str:
    rate = row["events_per_second"]
    spread = f"({rate['min']:,.0f} … {rate['max']:,.0f})"
    return f"{rate['median']:,.0f}{spread:>21}"


def _pauses(swap: dict[str, float]) -> str:
    return f"{swap['median']:>8.2f}{swap['max']:>7.2f}{swap['cpu_max']:>7.2f}"


def verdict(rows: list[dict[str, Any]]) -> list[str]:
    """Return what the table says in short, of the largest size measured."""
    if not rows:
        return ["nothing was measured"]
    size = max(row["subscriptions"] for row in rows)
    ours = {row["bank"]: row for row in rows if row["engine"] == "router" and row["subscriptions"] == size}
    slowest = min(ours.values(), key=_median)
    said = [f"slowest bank at {size:,}: {slowest['bank']}, {_median(slowest):,.0f} events/s"]
    slowest = min(ours.values(), key=_cpu_median)
    said.append(f"slowest by CPU time: {slowest['bank']}, {_cpu_median(slowest):,.0f} events/s")
    worst = max(ours.values(), key=lambda row: row["swap_ms"]["max"])
    said.append(
        f"longest swap: {worst['bank']}, {worst['swap_ms']['max']:.2f} ms ({worst['swap_ms']['cpu_max']:.2f} by CPU)"
    )
    if "mix" in ours and ours["mix"]["ratio_to_event_ruler"]:
        by_clock, by_cpu = ours["mix"]["ratio_to_event_ruler"], ours["mix"]["cpu_ratio"]
        said.append(f"mix: {by_clock:.2f} times the rate of event-ruler ({by_cpu:.2f} by CPU)")
    if "exact" in ours:
        said += [
            f"{name} takes {_cpu_median(ours['exact']) / _cpu_median(ours[name]):.2f} times the CPU time of exact"
            for name in ("contains", "ignorecase", "ignorecaseprefix")
            if name in ours
        ]
    return said


def markdown(rows: list[dict[str, Any]], unmeasured: list[dict[str, Any]]) -> str:
    """Return two tables: how fast events are matched, and what it takes to change the largest sets of subscriptions.

    What is not measured yet has a dash.
    """
    sizes = sorted({row["subscriptions"] for row in rows})
    of = {(row["bank"], row["subscriptions"], row["engine"]): row for row in rows}
    banks = list(dict.fromkeys(row["bank"] for row in rows))
    why = {(one["bank"], one["subscriptions"]): one["reason"] for one in unmeasured}
    columns = " | ".join(f"{size:,}: router | event-ruler | ratio" for size in sizes)
    speeds = [
        f"| bank | matches an event | {columns} | by CPU |",
        f"|---|---|{'---|' * (3 * len(sizes) + 1)}",
    ]
    changes = [
        "| bank | adds/s | removes/s | swap: median, worst (worst by CPU) ms | bytes each | event-ruler loads/s |",
        "|---|---|---|---|---|---|",
    ]
    for bank in banks:
        theirs = [of.get((bank, size, "event-ruler")) for size in sizes]
        cells = [_speeds(of.get((bank, size, "router")), other) for size, other in zip(sizes, theirs, strict=True)]
        ours = of.get((bank, sizes[-1], "router"))
        if ours is None:
            speeds.append(f"| {bank} | - | {' | '.join(cells)} | |")
            continue
        by_cpu = "" if theirs[-1] is None else f"{ours['cpu_ratio']:.2f}"
        speeds.append(f"| {bank} | {ours['matches_per_event']:,.2f} | {' | '.join(cells)} | {by_cpu} |")
        loads = why.get((bank, sizes[-1]), "") if theirs[-1] is None else f"{theirs[-1]['adds_per_second']:,.0f}"
        swap = ours["swap_ms"]
        changes.append(
            f"| {bank} | {ours['adds_per_second']:,.0f} | {ours['removes_per_second']:,.0f}"
            f" | {swap['median']:.2f}, {swap['max']:.2f} ({swap['cpu_max']:.2f})"
            f" | {ours['bytes_per_subscription']:,.0f} | {loads} |"
        )
    return "\n".join([*speeds, "", f"With {sizes[-1]:,} subscriptions:", "", *changes, ""])


def _speeds(ours: dict[str, Any] | None, theirs: dict[str, Any] | None) -> str:
    if ours is None:
        return "- | - | "
    if theirs is None:
        return f"{_spread(ours)} | - | "
    return f"{_spread(ours)} | {_spread(theirs)} | **{ours['ratio_to_event_ruler']:.2f}**"


def _spread(row: dict[str, Any]) -> str:
    rate = {name: f"{value / 1000:,.0f}" for name, value in row["events_per_second"].items()}
    return f"{rate['median']} k ({rate['min']} to {rate['max']})"


def _median(row: dict[str, Any]) -> float:
    return float(row["events_per_second"]["median"])


def _cpu_median(row: dict[str, Any]) -> float:
    return float(row["events_per_cpu_second"]["median"])
