"""Webhook delivery: the real worker against a bare aiohttp loop, same broker, same receiver, same run.

Deliveries wait in router.deliveries when the worker starts; a run is measured at the receiver from the first arrival to
the last, so start-up is apart. Every id must arrive. Durations are those of router.attempts, request to answer.
"""

import asyncio
import statistics
import time
from contextlib import AsyncExitStack
from pathlib import Path

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.processes import cpu_seconds, on_kafka, parser_of, python, running
from benchmarks.webhooks import a_delivery, a_receiver, a_subscription, worker
from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer, Message
from router.secrets import secret_box
from router.settings import Settings
from topics import ALL_TOPICS, ATTEMPTS, DELIVERIES, SUBSCRIPTIONS
from topics.subscriptions import subscription_key

SUBSCRIPTIONS_EACH = 20
DELAYS = (0, 20, 100)


async def offsets(bootstrap: str, topic) -> list[int]:
    """Return where a topic ends now."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    try:
        partitions = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        found = await consumer.end_offsets(partitions)
        return [found[one] for one in partitions]
    finally:
        await consumer.stop()


async def durations(bootstrap: str, since: list[int], run: str) -> list[float]:
    """Return the milliseconds of each attempt of a run."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level="read_committed")
    await consumer.start()
    partitions = [TopicPartition(ATTEMPTS.name, number) for number in range(ATTEMPTS.partitions)]
    consumer.assign(partitions)
    for partition, offset in zip(partitions, since, strict=True):
        consumer.seek(partition, offset)
    found = []
    while batch := await consumer.getmany(timeout_ms=1000):
        for records in batch.values():
            found += [orjson.loads(r.value)["duration_ms"] for r in records if r.key.startswith(run.encode())]
    await consumer.stop()
    return sorted(found)


async def measure(process, client, deliveries: int) -> dict:
    """Wait until everything has arrived; return the rate and the CPU time of one delivery."""
    cpu = 0.0
    began = time.monotonic()
    while True:
        await asyncio.sleep(0.2)
        report = client.get("/report").json()
        arrived = sum(report["ids"].values())
        if arrived and not cpu:
            cpu, before = cpu_seconds(process.pid), arrived
        if arrived >= deliveries or time.monotonic() - began > 300 or process.poll() is not None:
            break
    return {
        "deliveries_per_second": (arrived - 1) / report["seconds"],
        "cpu_us": (cpu_seconds(process.pid) - cpu) / max(1, arrived - before) * 1e6,
        "lost": deliveries - arrived,
        "repeats": report["repeats"],
        "most_at_once": report["most_at_once"],
    }


async def compare(bootstrap: str, data_dir: str, deliveries: int, rounds: int) -> list[dict]:
    """Return a row for each delay of the endpoints."""
    await ensure_topics(bootstrap, ALL_TOPICS)
    box, rows = secret_box(Settings(data_dir=Path(data_dir))), []
    async with AsyncExitStack() as cleanup:
        producer = KafkaProducer(bootstrap, timeout_seconds=120, linger_ms=5)
        await producer.start()
        cleanup.push_async_callback(producer.stop)
        base, client = cleanup.enter_context(a_receiver())
        for delay in DELAYS:
            subscriptions = [
                a_subscription(f"bench-{delay}-{n}", f"{base}/{delay}/{n}", box) for n in range(SUBSCRIPTIONS_EACH)
            ]
            for one in subscriptions:
                await producer.send(SUBSCRIPTIONS.name, Message(subscription_key(one.id), one.encode()))
            got: dict[str, list[dict]] = {"router": [], "bare": []}
            for turn in range(rounds):
                start, attempts_start = await offsets(bootstrap, DELIVERIES), await offsets(bootstrap, ATTEMPTS)
                run = f"{delay}-{turn}-{time.time_ns()}"
                for first in range(0, deliveries, 5_000):
                    numbers = range(first, min(deliveries, first + 5_000))
                    owed = [a_delivery(subscriptions[n % len(subscriptions)], n, run) for n in numbers]
                    await producer.send_all(DELIVERIES.name, owed)
                for name in ("router", "bare"):
                    client.put("/reset")
                    bare = python("benchmarks.bare_delivery", bootstrap, base, ",".join(map(str, start)))
                    with worker(bootstrap, data_dir) if name == "router" else running(bare) as process:
                        figures = await measure(process, client, deliveries)
                    if name == "router":
                        took = await durations(bootstrap, attempts_start, run)
                        figures |= {"p50_ms": took[len(took) // 2], "p99_ms": took[len(took) * 99 // 100]}
                    got[name].append(figures)
            rows.append(row(delay, got))
            print_row(rows[-1])
    return rows


def row(delay: int, got: dict[str, list[dict]]) -> dict:
    """Return the medians of all rounds, and their ratio."""
    medians = {
        name: {figure: statistics.median(run[figure] for run in runs) for figure in runs[0]}
        for name, runs in got.items()
    }
    ratio = medians["router"]["deliveries_per_second"] / medians["bare"]["deliveries_per_second"]
    return {"delay_ms": delay, **medians, "ratio": ratio, "runs": got}


def print_row(figures: dict) -> None:
    """Print one row of the table."""
    ours, bare = figures["router"], figures["bare"]
    print(
        f"{figures['delay_ms']:>3} ms  router {ours['deliveries_per_second']:>7,.0f}/s {ours['cpu_us']:4.0f} µs"
        f"  p50 {ours['p50_ms']:.1f} p99 {ours['p99_ms']:.1f} ms  at once {ours['most_at_once']:.0f}"
        f"  lost {ours['lost']:.0f} repeats {ours['repeats']:.0f}"
        f"   bare {bare['deliveries_per_second']:>7,.0f}/s {bare['cpu_us']:4.0f} µs  ratio {figures['ratio']:.2f}",
        flush=True,
    )


def run(arguments: list[str]) -> dict:
    """Run the benchmark on an embedded Kafka of its own, or on the given one."""
    parser = parser_of("delivery")
    parser.add_argument("--deliveries", type=int, default=30_000, metavar="N", help="of a round")
    given = parser.parse_args(arguments)
    rows = on_kafka(
        given.bootstrap_servers,
        lambda bootstrap, data_dir: compare(bootstrap, data_dir, given.deliveries, given.rounds),
    )
    return {"deliveries": given.deliveries, "rows": rows}
