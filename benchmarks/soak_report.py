"""The figures of a soak as Markdown."""


def markdown(figures: dict) -> str:
    """Return the report."""
    lost, doubled = (sum(sink[what] for sink in figures["sinks"]) for what in ("lost", "doubled"))
    run = f"{figures['minutes']:g} minutes at {figures['rate']:,} events/s, {figures['workers']} workers"
    calls = f"without a clear answer {figures['unsure']:,} (calls that failed: {figures['failed_calls'] or 'none'})"
    kills = [
        f"{one['what']} at {one['at']} s, ready after {one['ready_after_seconds']} s" for one in figures["happened"]
    ]
    parts = [
        f"{run}: **{lost} lost, {doubled} doubled**. Accepted {figures['accepted']:,}, {calls}.",
        "\n".join(table(figures["sinks"])),
        "\n".join(table(figures["processes"])),
        f"Killed: {'; '.join(kills) or 'nothing'}.",
    ]
    return "\n\n".join(parts) + "\n"


def table(rows: list[dict]) -> list[str]:
    """Return rows as a table; a member that a row has not is empty."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name)) for name in names] for row in rows]
    return [f"| {' | '.join(line)} |" for line in (names, ["---"] * len(names), *cells)]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    return f"{value:,}" if isinstance(value, int) else str(value)
