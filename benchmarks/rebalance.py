"""Many workers that come, go and are killed for a minute, over many partitions: nothing is lost, nothing doubled.

`router worker --stages fanout` processes share workspace.events. While events are published without a pause, each few
seconds one of them is killed and started again at once, killed and kept away, told to end, or started. At the end every
event must be on the sink's topic once, those of a subject in their order.
"""

import argparse
import asyncio
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import httpx
import orjson

from benchmarks.soak_ledger import Subscriber
from benchmarks.soak_subscribers import TopicReading
from benchmarks.whole_router import until
from router.kafka.admin import ensure_topics
from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from router.kafka.embedded.ports import free_port
from router.kafka.producer import KafkaProducer, Message
from router.observability.logs import configure_logs
from tests.builders import a_subscription, an_event, as_bytes, event_headers
from topics import ALL_TOPICS, SUBSCRIBER_EVENTS, SUBSCRIPTIONS, WORKSPACE_EVENTS, Topic
from topics.subscribers import subscriber_topic
from topics.subscriptions import subscription_key

SINK = "rebalanced"
SUBJECTS = 500
TICK_SECONDS = 0.05
CATCH_UP_SECONDS = 180.0
ACTIONS = {"kill and start again": 4, "kill and keep away": 2, "tell to end": 2, "start": 3}


class Worker:
    """One place in the group: a process that may be there or not, always under the same name."""

    def __init__(self, number: int, bootstrap_servers: str, data_dir: Path):
        self.name, self._port = f"sim-{number}", free_port()
        self.log = data_dir / f"{self.name}.log"
        self._command = [
            *(sys.executable, "-m", "router", "worker", "--stages", "fanout", "--data-dir", str(data_dir)),
            *("--bootstrap-servers", bootstrap_servers, "--metrics-port", str(self._port)),
        ]
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            environment = os.environ | {"ROUTER_INSTANCE": self.name, "ROUTER_LOG_FORMAT": "json"}
            self._process = subprocess.Popen(self._command, env=environment, stdout=log, stderr=log)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal; SIGKILL is waited for."""
        if self.is_running:
            self._process.send_signal(number)
            if number is signal.SIGKILL:
                self._process.wait()

    async def until_ready(self) -> None:
        """Return once it has its partitions."""
        async with asyncio.timeout(120), httpx.AsyncClient(trust_env=False) as client:
            while True:
                with suppress(httpx.TransportError):
                    if (await client.get(f"http://127.0.0.1:{self._port}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.2)

    def lines(self) -> list[dict]:
        """Return what it has logged."""
        return [orjson.loads(line) for line in self.log.read_bytes().splitlines() if line.startswith(b"{")]


class Arrivals:
    """What came on the sink, when, and in which order."""

    def __init__(self):
        self.sent_at: list[float] = []
        self.times: Counter[int] = Counter()
        self.latencies: list[float] = []
        self.newest: dict[bytes, int] = {}
        self.out_of_order = 0

    def take(self, number: int, _partition: int, key: bytes) -> None:
        """Note an arrival."""
        self.times[number] += 1
        self.latencies.append(time.monotonic() - self.sent_at[number])
        self.out_of_order += number <= self.newest.get(key, -1)
        self.newest[key] = number


class Simulation:
    """One run."""

    def __init__(self, options: argparse.Namespace, bootstrap_servers: str, data_dir: Path):
        self.options, self.bootstrap_servers = options, bootstrap_servers
        self.chance = random.Random(options.seed)  # noqa: S311 (moments to kill at, no secret)
        self.workers = [Worker(number, bootstrap_servers, data_dir) for number in range(options.workers)]
        self.arrivals, self.actions = Arrivals(), Counter()
        self.stopping = asyncio.Event()

    async def run(self) -> dict:
        """Run it and return the figures."""
        async with AsyncExitStack() as cleanup:
            producer = KafkaProducer(self.bootstrap_servers, timeout_seconds=120)
            await self._subscribe(producer, cleanup)
            reading = TopicReading(self.bootstrap_servers, Subscriber(SINK, "topic", None), self.arrivals.take).start()
            cleanup.push_async_callback(reading.stop)
            for worker in self.workers:
                cleanup.callback(worker.signal, signal.SIGKILL)
                worker.start()
            await asyncio.gather(*(worker.until_ready() for worker in self.workers))
            publishing = asyncio.create_task(self._publish(producer))
            await self._shake()
            for worker in self.workers:
                if not worker.is_running:
                    worker.start()
            await asyncio.gather(*(worker.until_ready() for worker in self.workers))
            self.stopping.set()
            await publishing
            with suppress(TimeoutError):
                await until(lambda: len(self.arrivals.times) == len(self.arrivals.sent_at), CATCH_UP_SECONDS)
            await asyncio.sleep(1.0)
            return self._figures()

    async def _subscribe(self, producer: KafkaProducer, cleanup: AsyncExitStack) -> None:
        partitions = self.options.partitions
        sink = Topic(subscriber_topic(SINK), "same", "event", partitions, "delete", (), (), SUBSCRIBER_EVENTS.retention)
        mine = [t.with_partitions(partitions) if t is WORKSPACE_EVENTS else t for t in ALL_TOPICS]
        await ensure_topics(self.bootstrap_servers, [*mine, sink])
        await producer.start()
        cleanup.push_async_callback(producer.stop)
        subscription = a_subscription(SINK)
        await producer.send(SUBSCRIPTIONS.name, Message(subscription_key(subscription.id), subscription.encode()))

    async def _publish(self, producer: KafkaProducer) -> None:
        due = time.monotonic()
        while not self.stopping.is_set():
            due += TICK_SECONDS
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            first = len(self.arrivals.sent_at)
            numbers = range(first, first + round(self.options.rate * TICK_SECONDS))
            self.arrivals.sent_at += [time.monotonic()] * len(numbers)
            await producer.send_all(WORKSPACE_EVENTS.name, [_event(number) for number in numbers])

    async def _shake(self) -> None:
        end = time.monotonic() + self.options.seconds
        while time.monotonic() < end:
            await asyncio.sleep(self.chance.uniform(*self.options.every))
            there = [worker for worker in self.workers if worker.is_running]
            away = [worker for worker in self.workers if not worker.is_running]
            action = self.chance.choices(list(ACTIONS), list(ACTIONS.values()))[0]
            if action == "start" and away:
                self.chance.choice(away).start()
            elif action != "start" and len(there) > len(self.workers) // 2:
                self._strike(self.chance.choice(there), action)
            else:
                continue
            self.actions[action] += 1

    @staticmethod
    def _strike(worker: Worker, action: str) -> None:
        worker.signal(signal.SIGTERM if action == "tell to end" else signal.SIGKILL)
        if action == "kill and start again":
            worker.start()

    def _figures(self) -> dict:
        arrivals, lines = self.arrivals, [line for worker in self.workers for line in worker.lines()]
        generations = [line["generation"] for line in lines if line.get("event") == "fanout.assigned"]
        return {
            "workers": self.options.workers,
            "partitions": self.options.partitions,
            "seconds": self.options.seconds,
            "rate": self.options.rate,
            "load": os.getloadavg(),
            "actions": dict(self.actions),
            "rebalances": max(generations) - 1,
            "lanes_fenced": sum(len(line["partitions"]) for line in lines if line.get("event") == "fanout.assigned"),
            "published": len(arrivals.sent_at),
            "lost": len(arrivals.sent_at) - len(arrivals.times),
            "doubled": sum(times > 1 for times in arrivals.times.values()),
            "out_of_order": arrivals.out_of_order,
            "latency_seconds": {
                "p50": round(statistics.median(arrivals.latencies), 3),
                "p99": round(statistics.quantiles(arrivals.latencies, n=100)[98], 3),
                "max": round(max(arrivals.latencies), 3),
            },
        }


def _event(number: int) -> Message:
    subject = f"models/m-{number % SUBJECTS}"
    event = an_event(id=f"sim-{number}", subject=subject)
    return Message(subject.encode(), as_bytes(event), event_headers(event))


async def simulate(options: argparse.Namespace, data_dir: Path) -> dict:
    """Run the simulation on a Kafka of its own."""
    kafka = EmbeddedKafka(EmbeddedKafkaOptions(data_dir / "kafka", port=0))
    await kafka.start()
    try:
        return await Simulation(options, kafka.bootstrap_servers, data_dir).run()
    finally:
        await kafka.stop()


def run(arguments: list[str]) -> dict:
    """Run the simulation, print its figures and return them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks rebalance")
    parser.add_argument("--workers", type=int, default=10)
    parser.add_argument("--partitions", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=500.0)
    parser.add_argument("--every", type=float, nargs=2, default=(1.0, 5.0), metavar="SECONDS")
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args(arguments)
    configure_logs("warning")
    with tempfile.TemporaryDirectory() as directory:
        figures = asyncio.run(simulate(options, Path(directory)))
    for name, value in figures.items():
        print(f"{name:>16}  {value}")
    return figures
