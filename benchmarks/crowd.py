"""Crowd: what 10,000 subscriptions of the mixed bank cost the whole fan-out, beside a few that want every event.

The real worker drains the same events with the few subscriptions alone, with one of the bank beside them, which is
what makes it look into the events at all, and with all of the bank; rounds are interleaved. The events are those that
the bank is defined on, so the crowd wants a quarter of them; all of it writes to one topic, as 10,000 topics would
measure the broker. One of the bank wants hardly any of these events, so another is beside the few in turn, which alone
wants a quarter: then as much is written, and what is left of the difference is the crowd's. What was written is read
again, event by event.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.crowd_cast import CROWD, Cast, crowd_of, load
from benchmarks.fanout_contestants import GUARANTEES, Run, router
from benchmarks.fanout_run import Figures, Task, run_one
from benchmarks.matching_banks import Bank, Rule, banks
from benchmarks.processes import on_kafka, parser_of
from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer
from topics import ALL_TOPICS

BAR: Final = 0.85
"""The share of the throughput with one subscription of the bank that must be left with all of them."""
CASTS: Final = ("few", "one", "equal", "crowd")
AS_MUCH: Final[Rule] = {"data": {"runType": ["automl"]}}
"""What one subscription asks that wants as many events as all of the bank `mix`, a quarter."""
COMPARED: Final = {"one": "one of the bank", "equal": "one that wants as much"}


def options(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = parser_of("crowd", rounds=5)
    parser.add_argument("--events", type=int, default=120_000, metavar="N", help="events to measure a run with")
    parser.add_argument("--few", type=int, default=1, metavar="N", help="subscriptions that want every event")
    parser.add_argument("--bank", default="mix", help="the crowd: a bank of the matching benchmark")
    parser.add_argument("--guarantee", nargs="+", choices=GUARANTEES, default=["effectively_once"], metavar="NAME")
    parser.add_argument("--table", type=Path, metavar="FILE", help="also write the table, as Markdown")
    return parser.parse_args(arguments)


async def compare(bootstrap: str, data_dir: str, given: argparse.Namespace) -> list[dict[str, Any]]:
    """Return a row for each guarantee: the runs with the few alone, with one or another beside, and with the crowd."""
    worker, bank = router(1), next(bank for bank in banks() if bank.name == given.bank)
    beside = {"few": None, "one": crowd_of(bank, 1), "crowd": crowd_of(bank, CROWD)}
    beside["equal"] = crowd_of(replace(bank, rules={CROWD: [AS_MUCH]}), 1)
    await ensure_topics(bootstrap, ALL_TOPICS)
    producer = KafkaProducer(bootstrap, timeout_seconds=120, linger_ms=5)
    await producer.start()
    rows = []
    try:
        source = await load(bootstrap, producer, worker.routed(given.events))
        task = Task.of(worker, source, given.events)
        for guarantee in given.guarantee:
            got: dict[str, list[Figures]] = {who: [] for who in CASTS}
            for turn in range(given.rounds):
                for who in CASTS if turn % 2 == 0 else reversed(CASTS):
                    cast = Cast(bootstrap, f"c{time.time_ns():x}", given.few, beside[who])
                    described = Run(bootstrap, data_dir, guarantee, worker.group or "", cast.topics)
                    got[who].append(await run_one(worker, described, task, cast, producer))
                    _print_run(who, got[who][-1])
            rows.append(_row(guarantee, given.few, bank, got))
    finally:
        await producer.stop()
    return rows


def _print_run(who: str, figures: Figures) -> None:
    print(
        f"{who:<6}{figures.events_per_second:>9,.0f}/s {figures.cpu_us:5.1f} µs"
        f"  lost {figures.lost}  doubled {figures.doubled}",
        flush=True,
    )


def _row(guarantee: str, few: int, bank: Bank, got: dict[str, list[Figures]]) -> dict[str, Any]:
    """Return medians, and what share of the rate of each other cast is left to the crowd, also by CPU time."""
    row: dict[str, Any] = {"guarantee": guarantee, "few_subscriptions": few, "bank": bank.name, "crowd_size": CROWD}
    for who, runs in got.items():
        row[who] = {
            "events_per_second": statistics.median(run.events_per_second for run in runs),
            "cpu_us": statistics.median(run.cpu_us for run in runs),
            "lost": sum(run.lost for run in runs),
            "doubled": sum(run.doubled for run in runs),
            "runs": [asdict(run) for run in runs],
        }
    for who in CASTS[:-1]:
        row[f"ratio_to_{who}"] = row["crowd"]["events_per_second"] / row[who]["events_per_second"]
        row[f"cpu_ratio_to_{who}"] = row[who]["cpu_us"] / row["crowd"]["cpu_us"]
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """Return the table, as Markdown."""
    names = ["subscriptions that want all", "guarantee", "alone", "one of the bank beside", "one that wants as much"]
    names += ["10,000 beside", "lost, doubled", "10,000 ÷ one", "by CPU", "10,000 ÷ as much", "by CPU"]
    lines = [f"| {' | '.join(names)} |", "|---" * len(names) + "|"]
    for row in rows:
        cells = [str(row["few_subscriptions"]), row["guarantee"].replace("_", " ")]
        cells += [f"{row[who]['events_per_second']:,.0f}/s, {row[who]['cpu_us']:.1f} µs" for who in CASTS]
        cells.append(", ".join(str(sum(row[who][what] for who in CASTS)) for what in ("lost", "doubled")))
        for who in COMPARED:
            cells += [f"**{row[f'ratio_to_{who}']:.2f}**", f"{row[f'cpu_ratio_to_{who}']:.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def run(arguments: Sequence[str]) -> dict[str, Any]:
    """Run the benchmark on an embedded Kafka of its own, or on the given one; print its table."""
    given = options(arguments)
    rows = on_kafka(given.bootstrap_servers, lambda bootstrap, data_dir: compare(bootstrap, data_dir, given))
    print(f"\n{table(rows)}\n")
    for row in rows:
        for who, title in COMPARED.items():
            ratio = row[f"ratio_to_{who}"]
            verdict = "holds" if ratio >= BAR else "is missed"
            print(f"{row['guarantee']}: {ratio:.2f} of the throughput with {title} is left; {BAR:.2f} {verdict}")
    if given.table is not None:
        given.table.write_text(table(rows) + "\n")
    return {"events": given.events, "rows": rows}
