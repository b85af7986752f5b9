"""Half an hour of everything at once: kills, a restart of Kafka, subscriptions that come and go; every id is sought.

A real `router up` (embedded Kafka, server, workers) gets events at a steady rate. Workers but the last are killed at
random (the last one's memory is watched), Kafka is killed once, and subscriptions live for a minute at most. At the end
each subscription must have had every accepted event of its life: exactly once on a topic, at least once at a webhook.
"""

import argparse
import asyncio
import os
import random
import signal
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from benchmarks.soak_ledger import ACCEPTED, BUCKETS, UNSURE, Events, Subscriber
from benchmarks.soak_processes import Sampler, processes
from benchmarks.soak_publisher import Publisher
from benchmarks.soak_report import markdown
from benchmarks.soak_subscribers import Management, TopicReading, Webhooks
from benchmarks.whole_router import WholeRouter, until, whole_router
from router.observability.logs import configure_logs
from router.up.readiness import readiness

APPLIES_SECONDS = 0.1
CATCH_UP_SECONDS = 180.0
CAPACITY_SECONDS = 10.0


class Soak:
    """One run: its parts, and what happened to them."""

    def __init__(self, options: argparse.Namespace, router: WholeRouter):
        self.options, self.router = options, router
        self.events, self.hooks, self.sampler = Events(), Webhooks(), Sampler()
        self.chance = random.Random(options.seed)  # noqa: S311 (moments to kill at, no secret)
        self.stopping, self.no_more_lives = asyncio.Event(), asyncio.Event()
        self.everything = Subscriber("all", "topic", None)
        self.verdicts: list[dict] = []
        self.happened: list[dict] = []
        self.began = time.monotonic()

    async def run(self) -> dict:
        """Run it and return the figures."""
        async with AsyncExitStack() as cleanup:
            await self.hooks.start()
            cleanup.push_async_callback(self.hooks.stop)
            self.management = Management(self.router.access, self.hooks.url)
            sampling = asyncio.create_task(self.sampler.run())
            cleanup.callback(sampling.cancel)
            permanent = [self.everything, Subscriber("tenth", "topic", 3), Subscriber("hook", "webhook", 7)]
            for one in permanent:
                await self._begin(one)
            readings = [
                TopicReading(self.router.bootstrap_servers, one).start() for one in permanent if one.kind == "topic"
            ]
            publisher = await cleanup.enter_async_context(Publisher(self.router.access, self.events))
            rate = self.options.rate or await self._half_of_capacity(publisher)
            await self._at_rate(publisher, rate)
            for one in permanent:
                await self._end(one)
            for reading in readings:
                await reading.stop()
        return self._figures(rate)

    async def _half_of_capacity(self, publisher: Publisher) -> float:
        """Return half of the rate at which events can be published and be in everybody's hands."""
        began = time.monotonic()
        await publisher.as_fast_as_possible(CAPACITY_SECONDS)
        await self._routed(0, self.events.next_number)
        rate = self.events.next_number / (time.monotonic() - began) / 2
        print(f"capacity: {rate * 2:,.0f}/s, so that the rate is {rate:,.0f}/s", flush=True)
        return rate

    async def _at_rate(self, publisher: Publisher, rate: float) -> None:
        self.began = time.monotonic()
        publishing = asyncio.create_task(publisher.at_rate(rate, self.stopping))
        others = [asyncio.create_task(work) for work in (self._kill_workers(), self._kill_kafka(), self._come_and_go())]
        end = self.began + self.options.minutes * 60
        while time.monotonic() < end:
            await asyncio.sleep(min(30.0, max(0.1, end - time.monotonic())))
            self._tell()
            for task in (publishing, *others):
                if task.done():
                    task.result()
        # Lives that have begun end in order while events still come.
        self.no_more_lives.set()
        await others[2]
        self.stopping.set()
        await asyncio.gather(publishing, *others[:2])
        await publisher.settled()

    # What is done to it

    async def _kill_workers(self) -> None:
        while not await self._stopped_within(self.chance.uniform(*self.options.kill_every)):
            workers = sorted(name for name in processes() if name.startswith("worker"))
            if len(workers) > 1:
                name = self.chance.choice(workers[:-1])
                await self._kill(name)

    async def _kill_kafka(self) -> None:
        for number in range(self.options.kafka_kills):
            share = (number + 1) / (self.options.kafka_kills + 1)
            if not await self._stopped_within(self.options.minutes * 60 * share - (time.monotonic() - self.began)):
                await self._kill("kafka")

    async def _kill(self, name: str) -> None:
        pid = processes().get(name)
        if pid is None:
            return
        at = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        await until(lambda: processes().get(name, pid) != pid)
        await until(self._is_ready)
        kind = name.partition(":")[0]
        self.happened.append(
            {
                "what": f"kill {kind}",
                "at": round(at - self.began),
                "ready_after_seconds": round(time.monotonic() - at, 1),
            }
        )

    async def _is_ready(self) -> bool:
        return (await readiness(self.router.server_url)).ready

    async def _stopped_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self.stopping.wait(), max(0.0, seconds))
        return self.stopping.is_set()

    # Subscriptions

    async def _come_and_go(self) -> None:
        lives: set[asyncio.Task[None]] = set()
        number = 0
        while not self.no_more_lives.is_set():
            kind = "webhook" if number % 3 == 2 else "topic"
            lives.add(asyncio.create_task(self._live(Subscriber(f"life-{number}", kind, number % BUCKETS))))
            number += 1
            await asyncio.sleep(self.chance.uniform(*self.options.subscribe_every))
            for done in [life for life in lives if life.done()]:
                done.result()
                lives.remove(done)
        await asyncio.gather(*lives)

    async def _live(self, one: Subscriber) -> None:
        await self._begin(one)
        await asyncio.sleep(self.chance.uniform(10, 60))
        await self._end(one)
        await self.management.delete(one)
        self.hooks.forget(one)

    async def _begin(self, one: Subscriber) -> None:
        self.hooks.expect(one)
        await self.management.create(one)
        await asyncio.sleep(APPLIES_SECONDS)
        one.first = self.events.next_number

    async def _end(self, one: Subscriber) -> None:
        """Close the window of a subscription, wait for what is owed to it, and say what is missing."""
        one.last = self.events.next_number
        await until(lambda: self.events.is_settled(one.last))
        await self._routed(one.first, one.last)
        if one.kind == "topic" and one is not self.everything:
            reading = TopicReading(self.router.bootstrap_servers, one).start() if not one.got else None
            await self._arrived(one)
            if reading is not None:
                await asyncio.sleep(0.5)
                await reading.stop()
        else:
            await self._arrived(one)
        verdict = one.verdict(self.events)
        self.verdicts.append(verdict)
        if verdict["lost"] or verdict["doubled"] or verdict["foreign"]:
            print(f"!! {verdict}", flush=True)

    async def _routed(self, first: int, last: int) -> None:
        """Return once the subscription that wants everything has all accepted events of a range."""
        end = time.monotonic() + CATCH_UP_SECONDS
        waiting = self.events.accepted(first, last, None)
        while time.monotonic() < end:
            waiting = [number for number in waiting if number not in self.everything.got]
            if not waiting:
                return
            await asyncio.sleep(0.1)

    async def _arrived(self, one: Subscriber) -> None:
        with suppress(TimeoutError):
            await until(lambda: not one.missing(self.events), CATCH_UP_SECONDS)

    # What is told

    def _tell(self) -> None:
        print(
            f"{time.monotonic() - self.began:5.0f} s  accepted {self.events.count(ACCEPTED):,}"
            f"  unsure {self.events.count(UNSURE):,}  received {len(self.everything.got):,}"
            f"  lives ended {len(self.verdicts)}  kills {len(self.happened)}",
            flush=True,
        )

    def _figures(self, rate: float) -> dict:
        def total(kind: str, figure: str) -> int:
            found = [verdict[figure] for verdict in self.verdicts if verdict["kind"] == kind]
            return sum(len(one) if isinstance(one, list) else one for one in found)

        return {
            "minutes": self.options.minutes,
            "rate": round(rate),
            "workers": self.options.workers,
            "load": os.getloadavg(),
            "accepted": self.events.count(ACCEPTED),
            "unsure": self.events.count(UNSURE),
            "failed_calls": self.events.failures,
            "management_retries": self.management.retries,
            "sinks": [
                {"kind": kind, "subscriptions": sum(verdict["kind"] == kind for verdict in self.verdicts)}
                | {
                    figure: total(kind, figure)
                    for figure in ("expected", "received", "lost", "doubled", "foreign", "repeats")
                }
                for kind in ("topic", "webhook")
            ],
            "trouble": [one for one in self.verdicts if one["lost"] or one["doubled"] or one["foreign"]],
            "happened": sorted(self.happened, key=lambda one: one["at"]),
            "processes": self.sampler.report(),
        }


async def soak(options: argparse.Namespace, data_dir: Path) -> dict:
    """Run a soak on a router of its own."""
    environment = {"ROUTER_LOG_LEVEL": "info", "ROUTER_LOG_FORMAT": "json"}
    async with whole_router(data_dir, workers=options.workers, **environment) as router:
        return await Soak(options, router).run()


def parsed(arguments: list[str]) -> argparse.Namespace:
    """Return the options of a soak."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks soak")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--rate", type=float, default=0.0, help="events a second; default: half of what is possible")
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--kill-every", type=float, nargs=2, default=(20.0, 60.0), metavar="SECONDS")
    parser.add_argument("--subscribe-every", type=float, nargs=2, default=(3.0, 12.0), metavar="SECONDS")
    parser.add_argument("--kafka-kills", type=int, default=1)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--data-dir", type=Path, help="kept afterwards; default: a temporary one")
    parser.add_argument("--markdown", type=Path, help="also write the report to this file")
    return parser.parse_args(arguments)


def run(arguments: list[str]) -> dict:
    """Run the soak, print its report, and return its figures."""
    options = parsed(arguments)
    configure_logs("warning")
    with tempfile.TemporaryDirectory() as directory:
        figures = asyncio.run(soak(options, options.data_dir or Path(directory)))
    report = markdown(figures)
    print(report)
    if options.markdown:
        options.markdown.write_text(report)
    return figures
