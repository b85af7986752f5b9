"""A minute of more than the router can take: memory stays bounded, lag shows, everything arrives afterwards.

A real `router up` gets events straight into workspace.events, faster than fan-out can write them to all topic sinks
(workers may be held for most of the time, to be sure of it), a tenth of them for a webhook that may be too slow as
well. Meanwhile the memory of every process is sampled, and the lag that /metrics shows is compared with the one that
Kafka knows. Then it is waited until nothing is left, and every id is sought at every sink.
"""

import argparse
import asyncio
import os
import signal
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path

import httpx

from benchmarks.soak_ledger import BUCKETS, Subscriber
from benchmarks.soak_processes import Sampler, processes
from benchmarks.soak_publisher import event
from benchmarks.soak_report import table
from benchmarks.soak_subscribers import Management, TopicReading, Webhooks
from benchmarks.whole_router import WholeRouter, until, whole_router
from router.kafka.admin import admin_client
from router.kafka.producer import KafkaProducer, Message
from router.kafka.reading import reading
from router.observability.logs import configure_logs
from tests.builders import as_bytes, event_headers
from topics import WORKSPACE_EVENTS

TICK_SECONDS = 0.1
MOST_AT_ONCE = 5_000
QUIET_SECONDS = 5.0
RECOVERY_SECONDS = 600.0
READ_SECONDS = 120.0
FANOUT = "router-fanout"


@contextmanager
def slowed(share: float) -> Iterator[None]:
    """Let the workers run for a share of the time as long as the block, as the CPU quota of a container does."""
    ended = threading.Event()

    def hold() -> None:
        while not ended.wait(TICK_SECONDS * share):
            pids = [pid for name, pid in processes().items() if name.startswith("worker:")]
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            time.sleep(TICK_SECONDS * (1 - share))
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    thread = threading.Thread(target=hold, name="hold workers", daemon=True)
    if share < 1:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        if share < 1:
            thread.join()


class Overload:
    """One run."""

    def __init__(self, options: argparse.Namespace, router: WholeRouter):
        self.options, self.bootstrap_servers, self.access = options, router.bootstrap_servers, router.access
        self.sampler, self.hooks = Sampler(), Webhooks(options.answer_ms / 1000, options.answers_at_once)
        self.topics = [Subscriber(f"topic-{number}", "topic", None) for number in range(options.sinks)]
        self.hook = Subscriber("slow", "webhook", 0)
        self.published = 0
        self.lags: list[dict] = []
        self.phases: dict[str, float] = {}

    async def run(self) -> dict:
        """Run it and return the figures."""
        async with AsyncExitStack() as cleanup:
            await self.hooks.start()
            cleanup.push_async_callback(self.hooks.stop)
            management = Management(self.access, self.hooks.url)
            for one in (*self.topics, self.hook):
                self.hooks.expect(one)
                await management.create(one)
            for watching in (self.sampler.run(1.0), self._watch_lag()):
                cleanup.callback(asyncio.create_task(watching).cancel)
            await asyncio.sleep(QUIET_SECONDS)
            self._begin("flood")
            with slowed(self.options.worker_share):
                await self._flood()
            self._begin("recovery")
            with suppress(TimeoutError):
                await until(self._has_recovered, RECOVERY_SECONDS)
            self._begin("quiet again")
            await asyncio.sleep(QUIET_SECONDS)
            self._begin("end")
            for one in self.topics:
                await self._read(one)
        return self._figures()

    def _begin(self, phase: str) -> None:
        self.phases[phase] = time.monotonic()
        print(f"{phase}: published {self.published:,}, webhook got {len(self.hook.got):,}", flush=True)

    async def _flood(self) -> None:
        producer = KafkaProducer(self.bootstrap_servers, timeout_seconds=120)
        await producer.start()
        began = time.monotonic()
        while (elapsed := time.monotonic() - began) < self.options.seconds:
            # One write after the other: what is due meanwhile goes with the next, and a slow Kafka slows the flood.
            due = min(MOST_AT_ONCE, int(elapsed * self.options.rate) - self.published)
            if due:
                numbers = range(self.published, self.published + due)
                await producer.write(WORKSPACE_EVENTS.name, list(map(self._message, numbers)))
                self.published += due
            await asyncio.sleep(TICK_SECONDS)
        await producer.stop()

    def _message(self, number: int) -> Message:
        body = event(number) | {"topic": self.access.workspace, "metadataVersion": "1"}
        return Message(body["subject"].encode(), as_bytes(body), event_headers(body))

    async def _watch_lag(self) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
            while True:
                looked = {"at": time.monotonic(), "kafka": await self._true_lag(), **await self._shown_lags(client)}
                self.lags.append(looked)
                await asyncio.sleep(1.0)

    async def _shown_lags(self, client: httpx.AsyncClient) -> dict[str, int]:
        """Return what the workers' /metrics show, summed for each consumer group."""
        shown: defaultdict[str, int] = defaultdict(int)
        for name in processes():
            if name.startswith("worker:"):
                text = (await client.get(f"http://127.0.0.1:{name.partition(':')[2]}/metrics")).text
                for line in text.splitlines():
                    if line.startswith("router_consumer_lag{"):
                        shown[line.partition('group="')[2].partition('"')[0]] += int(float(line.rpartition(" ")[2]))
        return dict(shown)

    async def _true_lag(self) -> int:
        """Return how many records of workspace.events fan-out has not committed, as Kafka knows it."""
        async with admin_client(self.bootstrap_servers) as client:
            committed = await client.list_consumer_group_offsets(FANOUT)
        async with reading(self.bootstrap_servers, [WORKSPACE_EVENTS.name], from_beginning=False) as consumer:
            ends = await consumer.end_offsets(list(consumer.assignment()))
        return sum(end - max(0, committed[at].offset if at in committed else 0) for at, end in ends.items())

    def _has_recovered(self) -> bool:
        newest = self.lags[-1]
        behind = newest["kafka"] + sum(newest.get(group, 0) for group in ("router-delivery", "router-retry"))
        return newest["at"] > self.phases["recovery"] + 1 and not behind and len(self.hook.got) >= self._owed(self.hook)

    def _owed(self, one: Subscriber) -> int:
        return len(range(one.bucket, self.published, BUCKETS)) if one.bucket is not None else self.published

    async def _read(self, one: Subscriber) -> None:
        topic = TopicReading(self.bootstrap_servers, one).start()
        with suppress(TimeoutError):
            await until(lambda: len(one.got) >= self.published, READ_SECONDS)
        await asyncio.sleep(1.0)
        await topic.stop()

    def _figures(self) -> dict:
        everyone = (*self.topics, self.hook)
        flood = [look for look in self.lags if self.phases["flood"] <= look["at"] < self.phases["recovery"]]
        groups = ("kafka", FANOUT, "router-delivery", "router-retry")
        return {
            "seconds": self.options.seconds,
            "sinks": self.options.sinks,
            "published": self.published,
            "publish_rate": round(self.published / (self.phases["recovery"] - self.phases["flood"])),
            "load": os.getloadavg(),
            "recovered_after_seconds": round(self.phases["quiet again"] - self.phases["recovery"], 1),
            "lag_most": {group: max(look.get(group, 0) for look in self.lags) for group in groups},
            "lag_at_the_end": {group: self.lags[-1].get(group, 0) for group in groups},
            "shown_to_true_lag": round(
                sum(x.get(FANOUT, 0) for x in flood) / max(1, sum(x["kafka"] for x in flood)), 3
            ),
            "lost": sum(self._owed(one) - len(one.got) for one in everyone),
            "doubled_on_topics": sum(times > 1 for one in self.topics for times in one.got.values()),
            "webhook": {
                "expected": self._owed(self.hook),
                "doubled": sum(times > 1 for times in self.hook.got.values()),
                "repeats": sum(times - 1 for times in self.hook.deliveries.values()),
            },
            "memory_mb": self._memory(),
        }

    def _memory(self) -> list[dict]:
        rows = []
        for (name, _), samples in sorted(self.sampler.lives.items()):
            row = {"process": name}
            edges = [*self.phases.values()]
            halves = [edges[0], (edges[0] + edges[1]) / 2, edges[1], edges[2], edges[3]]
            spans = {"before": (0.0, halves[0]), "first half of the flood": (halves[0], halves[1])}
            spans |= {"second half": (halves[1], halves[2]), "recovery": (halves[2], halves[3])}
            spans |= {"after": (halves[3], halves[4])}
            for span, (first, last) in spans.items():
                row[span] = round(max((one.rss_mb for one in samples if first <= one.at < last), default=0.0))
            rows.append(row)
        return rows


async def overload(options: argparse.Namespace, data_dir: Path) -> dict:
    """Run it on a router of its own."""
    async with whole_router(data_dir, workers=options.workers, ROUTER_LOG_LEVEL="warning") as router:
        return await Overload(options, router).run()


def run(arguments: list[str]) -> dict:
    """Run it, print the figures and return them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks overload")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=10_000.0, help="events a second, straight into Kafka")
    parser.add_argument("--sinks", type=int, default=10, help="topic sinks, each of which wants every event")
    parser.add_argument("--answer-ms", type=float, default=100.0, help="how long the webhook takes; it wants a tenth")
    parser.add_argument("--answers-at-once", type=int, help="requests the webhook takes at a time; default: all")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument(
        "--worker-share", type=float, default=1.0, help="of each tenth of a second, what workers get during the flood"
    )
    options = parser.parse_args(arguments)
    configure_logs("warning")
    with tempfile.TemporaryDirectory() as directory:
        figures = asyncio.run(overload(options, Path(directory)))
    for name, value in figures.items():
        if name != "memory_mb":
            print(f"{name:>24}  {value}")
    print("\n".join(table(figures["memory_mb"])))
    return figures
