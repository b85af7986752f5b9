"""Isolation: twenty subscriptions at a steady rate; one endpoint dies, hangs, then answers 429. What do others notice?

The latency of a delivery counts from the moment it was written to router.deliveries to its arrival at the endpoint. At
the end the endpoint is well again, and all that it is owed must have arrived.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import orjson

from benchmarks.delivery import a_delivery, a_receiver, a_subscription, worker
from benchmarks.workspace_events import event
from router.kafka.admin import ensure_topics
from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from router.kafka.producer import KafkaProducer, Message
from router.observability.logs import configure_logs
from router.secrets import secret_box
from router.settings import Settings
from topics import ALL_TOPICS, DELIVERIES, SUBSCRIPTIONS
from topics.subscriptions import subscription_key

HEALTHY = 19
MODES = ("ok", "dead", "hang", "busy")
TICK_SECONDS = 0.05
RECOVERY_SECONDS = 420


async def steady(producer: KafkaProducer, subscriptions: list, rate: float, seconds: float, run: str) -> dict[str, int]:
    """Write deliveries at a rate a second and subscription; return how many each subscription is owed."""
    owed = dict.fromkeys((one.name for one in subscriptions), 0)
    began, number = time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        messages = []
        while number < passed * rate * len(subscriptions):
            subscription = subscriptions[number % len(subscriptions)]
            source = event(number)
            body = orjson.loads(source.value)
            body["data"]["sent"] = time.time()
            stamped = source._replace(value=orjson.dumps(body))
            messages.append(a_delivery(subscription, number, f"{run}-{subscription.name}", stamped))
            owed[subscription.name] += 1
            number += 1
        await producer.send_all(DELIVERIES.name, messages)
        await asyncio.sleep(TICK_SECONDS)
    return owed


async def one_run(producer: KafkaProducer, client, subscriptions: list, rate: float, seconds: float) -> dict:
    """Return the p99 in each mode of the bad endpoint, and how long its own events took to arrive in the end."""
    figures, owed_to_bad = {}, 0
    client.put("/reset")
    for mode in MODES:
        client.put(f"/mode/{mode}")
        await asyncio.sleep(1)
        before = {path: len(seen) for path, seen in client.get("/times").json().items()}
        owed = await steady(producer, subscriptions, rate, seconds, f"{mode}-{time.time_ns()}")
        owed_to_bad += owed["bad"]
        await asyncio.sleep(1)
        times = client.get("/times").json()
        took = sorted(
            latency
            for path, seen in times.items()
            if path.startswith("/watch")
            for _at, latency in sorted(seen)[before.get(path, 0) :]
        )
        figures[mode] = {"p99_ms": took[len(took) * 99 // 100] * 1000, "p50_ms": took[len(took) // 2] * 1000}
        figures[mode]["lost"] = sum(owed[one.name] for one in subscriptions if one.name != "bad") - len(took)
    client.put("/mode/ok")
    began = time.monotonic()
    while (arrived := client.get("/report").json()["ids"].get("/bad/0", 0)) < owed_to_bad:
        if time.monotonic() - began > RECOVERY_SECONDS:
            break
        await asyncio.sleep(0.5)
    figures["bad"] = {"owed": owed_to_bad, "arrived": arrived, "seconds": time.monotonic() - began}
    return figures


async def measure(bootstrap: str, data_dir: str, rate: float, seconds: float, runs: int) -> list[dict]:
    """Return the figures of each run."""
    await ensure_topics(bootstrap, ALL_TOPICS)
    box = secret_box(Settings(data_dir=Path(data_dir)))
    async with AsyncExitStack() as cleanup:
        producer = KafkaProducer(bootstrap, timeout_seconds=120)
        await producer.start()
        cleanup.push_async_callback(producer.stop)
        base, client = cleanup.enter_context(a_receiver())
        subscriptions = [a_subscription(f"watch-{n}", f"{base}/watch/{n}", box) for n in range(HEALTHY)]
        subscriptions.append(a_subscription("bad", f"{base}/bad/0", box))
        for one in subscriptions:
            await producer.send(SUBSCRIPTIONS.name, Message(subscription_key(one.id), one.encode()))
        cleanup.enter_context(worker(bootstrap, data_dir, "delivery,retry"))
        await steady(producer, subscriptions, 1, 2, "warm-up")
        while len(client.get("/report").json()["ids"]) < len(subscriptions):  # noqa: ASYNC110 (of another process)
            await asyncio.sleep(0.2)
        found = []
        for _ in range(runs):
            found.append(await one_run(producer, client, subscriptions, rate, seconds))
            print_run(found[-1])
        return found


def print_run(figures: dict) -> None:
    """Print one run."""
    modes = "  ".join(f"{m} p50 {figures[m]['p50_ms']:.1f} p99 {figures[m]['p99_ms']:.1f} ms" for m in MODES)
    bad = figures["bad"]
    lost = sum(figures[mode]["lost"] for mode in MODES)
    print(f"{modes}  lost {lost}  bad: {bad['arrived']} of {bad['owed']} within {bad['seconds']:.0f} s", flush=True)


def run(arguments: list[str]) -> dict:
    """Run it on an embedded Kafka of its own."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks isolation")
    parser.add_argument("--rate", type=float, default=10, help="events a second for each subscription")
    parser.add_argument("--seconds", type=float, default=40, help="for each way to misbehave")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args(arguments)
    configure_logs("error")
    with tempfile.TemporaryDirectory() as data_dir:
        runs = asyncio.run(embedded(data_dir, given.rate, given.seconds, given.runs))
    medians = {mode: statistics.median(one[mode]["p99_ms"] for one in runs) for mode in MODES}
    for mode in MODES[1:]:
        print(f"{mode}: p99 of the others {medians[mode] / medians['ok'] - 1:+.1%} (median of {len(runs)} runs)")
    return {"medians": medians, "runs": runs}


async def embedded(data_dir: str, rate: float, seconds: float, runs: int) -> list[dict]:
    """Measure on a Kafka that is started for it."""
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(Path(data_dir), port=0))
    await kafka.start()
    try:
        return await measure(kafka.bootstrap_servers, data_dir, rate, seconds, runs)
    finally:
        await kafka.stop()
