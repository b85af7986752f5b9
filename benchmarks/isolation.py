"""Isolation: twenty subscriptions at a steady rate; one endpoint dies, hangs, then answers 429. What do others notice?

The latency of a delivery counts from the moment it is written to router.deliveries to its arrival at the endpoint. Each
way to misbehave stands between two phases in which the endpoint is well, and is compared with these two, so that what
drifts on the machine cancels out. An endpoint that has become well first gets what waited for it: that is a phase of
its own, compared in the same way. How far well phases differ from the well ones around them is told as well: what is
less than that, the machine may have done; so p99 is also told without the deliveries during which a processor of the
machine stood still (`benchmarks/steal.py`). At the end all that the endpoint is owed must have arrived.
"""

import asyncio
import gc
import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from subprocess import Popen

import httpx
import orjson

from benchmarks.isolation_phases import WELL, Latencies, Phase, changes_of_well, compared, line_of, pooled
from benchmarks.processes import cpu_seconds, on_kafka, parser_of
from benchmarks.steal import Watch, watched
from benchmarks.webhooks import a_delivery, a_receiver, a_subscription, worker
from benchmarks.workspace_events import event
from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer, Message
from router.secrets import secret_box
from router.settings import Settings
from topics import ALL_TOPICS, DELIVERIES, SUBSCRIPTIONS, Subscription
from topics.subscriptions import subscription_key

HEALTHY = 19
MODES = ("dead", "hang", "busy")
HANG_FACTOR = 2.4
"""Requests that hang end after 30 s: that phase is longer, so that what follows is in it."""

CATCH_UP_SECONDS = 13
"""Most of what waited for a bad endpoint comes within the shortest wait and its jitter."""

BURST_SECONDS = 25
BURST_RATE = 75
"""A second and subscription: Java optimises what runs often, and its compiler would otherwise still run for minutes."""

WARM_UP_SECONDS = 15

TICK_SECONDS = 0.01
CHANGES = {"all": "change", "undisturbed": "change_undisturbed"}
"""What is compared: all deliveries, and those during which no processor stood still."""

ARRIVAL_SECONDS = 20
RECOVERY_SECONDS = 420


class Stand:
    """The subscriptions, whoever writes their deliveries, the worker and the receiver."""

    def __init__(
        self,
        producer: KafkaProducer,
        client: httpx.Client,
        subscriptions: list[Subscription],
        process: Popen[bytes],
        watch: Watch,
    ) -> None:
        self.producer = producer
        self.client = client
        self.subscriptions = subscriptions
        self.process = process
        self.watch = watch

    async def steady(self, rate: float, seconds: float) -> dict[str, int]:
        """Write deliveries at a rate a second and subscription; return how many each subscription is owed."""
        owed = dict.fromkeys((one.name for one in self.subscriptions), 0)
        run, began, number = time.time_ns(), time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            messages = []
            while number < passed * rate * len(self.subscriptions):
                subscription = self.subscriptions[number % len(self.subscriptions)]
                source = event(number)
                body = orjson.loads(source.value)
                body["data"]["sent"] = time.time()
                messages.append(a_delivery(subscription, number, str(run), source._replace(value=orjson.dumps(body))))
                owed[subscription.name] += 1
                number += 1
            await self.producer.send_all(DELIVERIES.name, messages)
            await asyncio.sleep(TICK_SECONDS)
        return owed

    async def phase(self, mode: str, rate: float, seconds: float) -> Phase:
        """Keep the rate up for a while, the bad endpoint being in a mode, and return what the others noticed."""
        self.client.put(f"/mode/{mode}")
        cpu, began = cpu_seconds(self.process.pid), time.monotonic()
        owed = await self.steady(rate, seconds)
        cpu = (cpu_seconds(self.process.pid) - cpu) / seconds
        owed_to_bad = owed.pop("bad")
        arrivals: list[tuple[float, float]] = []
        until = time.monotonic() + ARRIVAL_SECONDS
        while len(arrivals) < sum(owed.values()) and time.monotonic() < until:
            await asyncio.sleep(0.3)
            for path, seen in self.client.get("/times").json().items():
                if path.startswith("/watch"):
                    arrivals += seen
        stolen, latencies = self.watch.moments(), Latencies()
        latencies.record(arrivals, stolen)
        share = stolen.within(began, began + seconds) / seconds
        return Phase(mode, latencies, sum(owed.values()) - len(arrivals), owed_to_bad, cpu, share)

    async def recovery(self, owed: int) -> dict:
        """Wait until all that the bad endpoint is owed has arrived; return how many did, and after how long."""
        self.client.put(f"/mode/{WELL}")
        began = time.monotonic()
        while (arrived := self.client.get("/report").json()["ids"].get("/bad/0", 0)) < owed:
            if time.monotonic() - began > RECOVERY_SECONDS:
                break
            await asyncio.sleep(0.5)
        return {"owed": owed, "arrived": arrived, "seconds": time.monotonic() - began}


async def round_of(stand: Stand, well: Phase, mode: str, rate: float, seconds: float) -> list[Phase]:
    """Let the endpoint be bad after a well phase, catch up and be well again; return these three phases."""
    bad = await stand.phase(mode, rate, seconds * (HANG_FACTOR if mode == "hang" else 1))
    catching_up = await stand.phase(WELL, rate, CATCH_UP_SECONDS)
    catching_up.mode = f"after {mode}"
    after = await stand.phase(WELL, rate, seconds)
    for one in (bad, catching_up):
        print(line_of(compared(well, one, after)), flush=True)
    return [bad, catching_up, after]


async def measure(bootstrap: str, data_dir: str, rate: float, seconds: float, modes: Sequence[str]) -> dict:
    """Return the phases in which the endpoint is bad in these ways, one after the other, compared."""
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
        log = Path(data_dir) / "worker.log"
        process = cleanup.enter_context(worker(bootstrap, data_dir, "delivery,retry", log=log))
        watch = cleanup.enter_context(watched())
        stand = Stand(producer, client, subscriptions, process, watch)
        await warm_up(stand, rate)
        gc.disable()  # a pause of the one who writes would pass for one of the router's
        phases: list[Phase] = [await stand.phase(WELL, rate, seconds)]
        for mode in modes:
            phases += await round_of(stand, phases[-1], mode, rate, seconds)
        found = {
            "runs": [
                compared(phases[at - 1], one, phases[at + 2])
                for at in range(1, len(phases), 3)
                for one in phases[at : at + 2]
            ],
            "well_changes": changes_of_well(phases[::3]),
            "lost": sum(one.lost for one in phases),
            "bad": await stand.recovery(sum(one.owed_to_bad for one in phases)),
        }
        found["pooled_p99_ms"] = {
            mode: {
                "all": (latencies := pooled(phases, mode)).milliseconds(99),
                "undisturbed": latencies.milliseconds(99, undisturbed=True),
            }
            for mode in {one.mode for one in phases}
        }
        return found


async def warm_up(stand: Stand, rate: float) -> None:
    """Let everything run for a while that will be measured, faster at first, until every endpoint got something."""
    await stand.steady(max(rate, BURST_RATE), BURST_SECONDS)
    await stand.steady(rate, WARM_UP_SECONDS)
    while len(stand.client.get("/report").json()["ids"]) < len(stand.subscriptions):  # noqa: ASYNC110 (of another process)
        await asyncio.sleep(0.2)
    await asyncio.sleep(2)
    stand.client.put("/reset")


def run(arguments: list[str]) -> dict:
    """Run it on an embedded Kafka of its own, or on the given one."""
    parser = parser_of("isolation", rounds=5)
    parser.add_argument("--rate", type=float, default=20, help="deliveries a second for each subscription")
    parser.add_argument(
        "--seconds", type=float, default=15, help=f"of a phase; of one that hangs {HANG_FACTOR} times that"
    )
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES, help="what the bad endpoint does, in turn")
    given = parser.parse_args(arguments)
    found = on_kafka(
        given.bootstrap_servers,
        lambda bootstrap, data_dir: measure(
            bootstrap, data_dir, given.rate, given.seconds, [*given.modes] * given.rounds
        ),
    )
    found["median_change"] = {
        mode: {
            name: statistics.median(one[key] for one in found["runs"] if one["mode"] == mode)
            for name, key in CHANGES.items()
        }
        for given_mode in given.modes
        for mode in (given_mode, f"after {given_mode}")
    }
    print_summary(found, given.rounds)
    return found


def print_summary(found: dict, rounds: int) -> None:
    """Print the medians, how far well phases are from one another, and what the bad endpoint got in the end."""
    pools = found["pooled_p99_ms"]
    for mode, change in found["median_change"].items():
        told = ", ".join(
            f"{name} {change[name]:+.1%} (together {pools[mode][name] / pools[WELL][name] - 1:+.1%})"
            for name in CHANGES
        )
        print(f"{mode}: p99 of the others, median of {rounds}: {told}")
    changes = found["well_changes"]
    for name, key in CHANGES.items() if changes else ():
        of_well = [one[key] for one in changes]
        print(
            f"{WELL}, {name}: p99 of {pools[WELL][name]:.2f} ms, {statistics.median(of_well):+.1%} (median), "
            f"{min(of_well):+.1%} to {max(of_well):+.1%}, of the well phases around it ({len(of_well)} of them)"
        )
    bad = found["bad"]
    print(
        f"lost {found['lost']}; the bad one's events: {bad['arrived']} of {bad['owed']}, "
        f"{bad['seconds']:.0f} s after it was well"
    )
