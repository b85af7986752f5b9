"""Crowd: what 10,000 subscriptions of the mixed bank cost the whole fan-out, beside a few that want every event.

The real worker drains the same events, once with the few subscriptions alone, once with the crowd beside them; rounds
are interleaved. The events are those that the bank is defined on, so the crowd wants a quarter of them; all of it
writes to one topic, as 10,000 topics would measure the broker. What was written is read again, event by event.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks.crowd_cast import CROWD, Cast, Crowd, load, wanted_by
from benchmarks.fanout_contestants import GUARANTEES, Run, router
from benchmarks.fanout_run import Figures, Task, run_one
from benchmarks.matching_banks import Bank, banks
from benchmarks.processes import on_kafka, parser_of
from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer
from topics import ALL_TOPICS

BAR: Final = 0.85
"""The share of its throughput that the fan-out must keep."""


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
    """Return a row for each guarantee: the runs with the few alone and those with the crowd."""
    worker, bank = router(1), next(bank for bank in banks() if bank.name == given.bank)
    crowd = Crowd(bank, wanted_by(bank))
    await ensure_topics(bootstrap, ALL_TOPICS)
    producer = KafkaProducer(bootstrap, timeout_seconds=120, linger_ms=5)
    await producer.start()
    rows = []
    try:
        source = await load(bootstrap, producer, worker.routed(given.events))
        task = Task.of(worker, source, given.events)
        for guarantee in given.guarantee:
            got: dict[str, list[Figures]] = {"few": [], "crowd": []}
            for turn in range(given.rounds):
                for who in ("few", "crowd") if turn % 2 == 0 else ("crowd", "few"):
                    cast = Cast(bootstrap, f"c{time.time_ns():x}", given.few, crowd if who == "crowd" else None)
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
    """Return medians, and what share of its rate, and of its rate by CPU time, the fan-out keeps with the crowd."""
    row: dict[str, Any] = {"guarantee": guarantee, "few_subscriptions": few, "bank": bank.name, "crowd_size": CROWD}
    for who, runs in got.items():
        row[who] = {
            "events_per_second": statistics.median(run.events_per_second for run in runs),
            "cpu_us": statistics.median(run.cpu_us for run in runs),
            "lost": sum(run.lost for run in runs),
            "doubled": sum(run.doubled for run in runs),
            "runs": [asdict(run) for run in runs],
        }
    row["ratio"] = row["crowd"]["events_per_second"] / row["few"]["events_per_second"]
    row["cpu_ratio"] = row["few"]["cpu_us"] / row["crowd"]["cpu_us"]
    return row


def table(rows: list[dict[str, Any]]) -> str:
    """Return the table, as Markdown."""
    lines = [
        "| subscriptions that want all | guarantee | alone | with 10,000 beside | lost, doubled | ratio | by CPU |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        alone, beside = (
            f"{row[who]['events_per_second']:,.0f}/s, {row[who]['cpu_us']:.1f} µs" for who in ("few", "crowd")
        )
        wrong = ", ".join(str(row["few"][what] + row["crowd"][what]) for what in ("lost", "doubled"))
        guarantee = row["guarantee"].replace("_", " ")
        shares = f"**{row['ratio']:.2f}** | {row['cpu_ratio']:.2f}"
        lines.append(f"| {row['few_subscriptions']} | {guarantee} | {alone} | {beside} | {wrong} | {shares} |")
    return "\n".join(lines)


def run(arguments: Sequence[str]) -> dict[str, Any]:
    """Run the benchmark on an embedded Kafka of its own, or on the given one; print its table."""
    given = options(arguments)
    rows = on_kafka(given.bootstrap_servers, lambda bootstrap, data_dir: compare(bootstrap, data_dir, given))
    print(f"\n{table(rows)}\n")
    for row in rows:
        verdict = "holds" if row["ratio"] >= BAR else "is missed"
        print(f"{row['guarantee']}: {row['ratio']:.2f} of the throughput is kept; the bar of {BAR:.2f} {verdict}")
    if given.table is not None:
        given.table.write_text(table(rows) + "\n")
    return {"events": given.events, "rows": rows}
