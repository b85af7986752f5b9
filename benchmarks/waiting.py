"""What a worker's memory is while very many deliveries wait for very many endpoints, first hanging, then well.

All that waits stands in router.deliveries when the worker starts; what it holds of that in memory is bounded, whatever
the endpoints do. Resident memory is sampled every half second.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from subprocess import Popen

from benchmarks.processes import on_kafka, parser_of
from benchmarks.webhooks import a_delivery, a_receiver, a_subscription, worker
from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer, Message
from router.secrets import SecretBox, secret_box
from router.settings import Settings
from topics import ALL_TOPICS, DELIVERIES, SUBSCRIPTIONS, Subscription
from topics.subscriptions import subscription_key

WRITTEN_TOGETHER = 10_000
SAMPLE_SECONDS = 0.5
START_SECONDS = 120


def subscriptions_of(base: str, number: int, box: SecretBox) -> list[Subscription]:
    """Return so many subscriptions, each with an endpoint of its own."""
    return [a_subscription(f"waiting-{n}", f"{base}/bad/{n}", box) for n in range(number)]


def owed(subscriptions: list[Subscription], number: int) -> Iterator[list[Message]]:
    """Give so many deliveries, taking turns round the subscriptions."""
    run = str(time.time_ns())
    for first in range(0, number, WRITTEN_TOGETHER):
        numbers = range(first, min(number, first + WRITTEN_TOGETHER))
        yield [a_delivery(subscriptions[n % len(subscriptions)], n, run) for n in numbers]


def resident_megabytes(process: Popen[bytes], figure: str = "VmRSS") -> float:
    """Return the resident memory of a process; `VmHWM` is the most that it has been."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(figure)) / 1024


async def watch(process: Popen[bytes], seconds: float) -> list[float]:
    """Return the resident memory over a while."""
    until, seen = time.monotonic() + seconds, []
    while time.monotonic() < until:
        seen.append(resident_megabytes(process))
        await asyncio.sleep(SAMPLE_SECONDS)
    return seen


def thirds(seen: list[float]) -> list[float]:
    """Return the medians of the first and of the last third: does it still grow?"""
    third = max(1, len(seen) // 3)
    return [statistics.median(seen[:third]), statistics.median(seen[-third:])]


async def measure(bootstrap: str, data_dir: str, waiting: int, subscriptions: int, seconds: float) -> dict:
    """Return the memory while endpoints hang and after they are well, and how much they have got by then."""
    await ensure_topics(bootstrap, ALL_TOPICS)
    async with AsyncExitStack() as cleanup:
        producer = KafkaProducer(bootstrap, timeout_seconds=120)
        await producer.start()
        cleanup.push_async_callback(producer.stop)
        base, client = cleanup.enter_context(a_receiver())
        made = subscriptions_of(base, subscriptions, secret_box(Settings(data_dir=Path(data_dir))))
        await producer.write(SUBSCRIPTIONS.name, [Message(subscription_key(one.id), one.encode()) for one in made])
        for messages in owed(made, waiting):
            await producer.write(DELIVERIES.name, messages)
        print(f"{waiting:,} deliveries of {subscriptions:,} subscriptions wait", flush=True)
        client.put("/mode/hang")
        process = cleanup.enter_context(worker(bootstrap, data_dir, "delivery,retry"))
        began = time.monotonic()
        while not client.get("/report").json()["open"] and time.monotonic() - began < START_SECONDS:  # noqa: ASYNC110 (of another process)
            await asyncio.sleep(SAMPLE_SECONDS)
        hanging = await watch(process, seconds)
        open_at_once = client.get("/report").json()["most_at_once"]
        client.put("/mode/ok")
        well = await watch(process, seconds)
        delivered = sum(client.get("/report").json()["ids"].values())
        return {
            "hanging_mb": max(hanging),
            "hanging_thirds_mb": thirds(hanging),
            "well_mb": max(well),
            "well_thirds_mb": thirds(well),
            "most_mb": resident_megabytes(process, "VmHWM"),
            "at_once": open_at_once,
            "delivered": delivered,
        }


def in_words(megabytes: list[float]) -> str:
    """Return figures of memory as text."""
    return ", ".join(f"{one:.0f}" for one in megabytes)


def run(arguments: list[str]) -> dict:
    """Run it on an embedded Kafka of its own, or on the given one."""
    parser = parser_of("waiting", rounds=1)
    parser.add_argument("--waiting", type=int, default=1_000_000, metavar="N", help="deliveries")
    parser.add_argument("--subscriptions", type=int, default=10_000, metavar="N")
    parser.add_argument("--seconds", type=float, default=45, help="that endpoints hang, and that they are well")
    given = parser.parse_args(arguments)
    found = on_kafka(
        given.bootstrap_servers,
        lambda bootstrap, data_dir: measure(bootstrap, data_dir, given.waiting, given.subscriptions, given.seconds),
    )
    print(
        f"worker: {found['hanging_mb']:.0f} MB while endpoints hang ({found['at_once']} requests at once), "
        f"{found['well_mb']:.0f} MB while they are well, at most {found['most_mb']:.0f} MB "
        f"(first and last third: {in_words(found['hanging_thirds_mb'])}; {in_words(found['well_thirds_mb'])}); "
        f"{found['delivered']:,} delivered by then",
        flush=True,
    )
    return found
