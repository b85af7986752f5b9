"""A load test from its first subscription to its report: publish, then verify every id at the receiver."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Final

import aiohttp

from router.client.access import Access
from router.errors import SettingsError
from router.kafka.producer import KafkaProducer
from router.loadtest.ledger import Ledger
from router.loadtest.options import LoadOptions, Phase, Progress, SinkKind, Tell
from router.loadtest.pause import pause, workers_of
from router.loadtest.plan import Plan
from router.loadtest.publisher import HttpWay, KafkaWay, Way, publish
from router.loadtest.report import Report
from router.loadtest.subscribing import brokers_of, subscribe
from router.loadtest.templates import templates_of

LOOK_SECONDS = 0.1
TELL_SECONDS = 0.25
STALLED_SECONDS: Final[dict[SinkKind, float]] = {"topic": 20.0, "webhook": 100.0}
"""What has not come when nothing came for so long is lost; a webhook's fourth attempt may be 72 s after its third."""
REPEATS_SECONDS = 1.0
REHEARSED_EVENTS = 64
REHEARSAL_SECONDS = 1.0
REHEARSALS = 20


async def run_loadtest(options: LoadOptions, access: Access, tell: Tell | None) -> Report:
    """Run the test and clean up behind it; tell its progress, where somebody looks.

    Raises:
        RouterError: the router cannot be reached, or refuses something.
    """
    workers = workers_of(access.data_dir) if options.pause_worker_seconds > 0 else []
    templates = templates_of(options.events_file)
    run = f"lt{uuid.uuid4().hex[:8]}"
    plan = Plan(run, templates, access.workspace, events=options.events, matching=options.matching)
    test = LoadTest(options, plan)
    async with AsyncExitStack() as cleanup:
        if tell is not None:
            await cleanup.enter_async_context(test.telling(tell))
        await subscribe(options, access, test.plan, test.ledger, cleanup)
        way = await _way(options, access, cleanup)
        await test.rehearse(way)
        await test.publish(way, workers)
        await test.verify()
        test.phase = "cleaning up"
    return test.report()


class LoadTest:
    """One test: its plan, its ledger, and how far it is."""

    def __init__(self, options: LoadOptions, plan: Plan) -> None:
        self.options = options
        self.plan = plan
        self.ledger = Ledger()
        self.phase: Phase = "preparing"
        self._wanted = plan.wanted()
        self._expected = len(self._wanted) * options.subscriptions
        self._started_at = datetime.now(UTC)
        self._publish_seconds = 0.0

    @asynccontextmanager
    async def telling(self, tell: Tell) -> AsyncIterator[None]:
        """Tell the progress again and again as long as the block."""

        async def tell_on() -> None:
            while True:
                tell(self.progress())
                await asyncio.sleep(TELL_SECONDS)

        task = asyncio.create_task(tell_on(), name="tell progress")
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def progress(self) -> Progress:
        """Return how far the test is."""
        ledger = self.ledger
        return Progress(
            phase=self.phase,
            published=len(ledger.sent_at),
            events=self.plan.events,
            received=ledger.delivered,
            expected=self._expected,
            p99_ms=ledger.percentiles_ms([99.0])[0] if ledger.delivered else None,
        )

    async def rehearse(self, way: Way) -> None:
        """Send some events beforehand until every subscription gets them: start-up is no part of the figures.

        A subscription applies to traffic a moment after it is made. Where nothing comes, the test itself will tell.
        """
        for number in range(REHEARSALS):
            numbers = range(number * REHEARSED_EVENTS, (number + 1) * REHEARSED_EVENTS)
            await way.send([self.plan.rehearsal(one) for one in numbers])
            end = time.monotonic() + REHEARSAL_SECONDS
            while time.monotonic() < end:
                if self.ledger.has_rehearsed(set(numbers), self.options.subscriptions):
                    return
                await asyncio.sleep(LOOK_SECONDS)

    async def publish(self, way: Way, workers: Sequence[int]) -> None:
        """Publish all events at their rate; stop the workers for a while, halfway, where that is asked for."""
        self.phase = "publishing"
        pausing = asyncio.create_task(self._pause(workers), name="pause workers")
        try:
            self._publish_seconds = await publish(self.plan, way, self.options.rate, self.ledger)
            await pausing
        finally:
            pausing.cancel()
            with suppress(asyncio.CancelledError):
                await pausing

    async def _pause(self, workers: Sequence[int]) -> None:
        if workers:
            await asyncio.sleep(self.options.events / self.options.rate / 2 if self.options.rate else 1.0)
            await pause(workers, self.options.pause_worker_seconds)

    async def verify(self) -> None:
        """Wait until everything is there, or nothing has come for long; then look for repeats a while."""
        self.phase = "verifying"
        last, moved = -1, time.monotonic()
        while self.ledger.delivered < self._expected and time.monotonic() - moved < STALLED_SECONDS[self.options.sink]:
            if self.ledger.delivered != last:
                last, moved = self.ledger.delivered, time.monotonic()
            await asyncio.sleep(LOOK_SECONDS)
        await asyncio.sleep(REPEATS_SECONDS)

    def report(self) -> Report:
        """Return what the test showed."""
        ledger = self.ledger
        return Report(
            options=self.options,
            started_at=self._started_at,
            published=self.plan.events,
            expected=self._expected,
            lost=len(ledger.missing(self._wanted, self.options.subscriptions)),
            duplicates=ledger.duplicates,
            unwanted=ledger.unwanted(self._wanted),
            publish_seconds=self._publish_seconds,
            receive_seconds=(ledger.last_received or 0.0) - (ledger.first_received or 0.0),
            ledger=ledger,
        )


async def _way(options: LoadOptions, access: Access, cleanup: AsyncExitStack) -> Way:
    if options.publish == "kafka":
        producer = KafkaProducer(brokers_of(access), timeout_seconds=120)
        await producer.start()
        cleanup.push_async_callback(producer.stop)
        return KafkaWay(producer)
    if access.key is None:
        raise SettingsError("the workspace's key is not known here", hint="Give --data-dir, or use --publish kafka.")
    session = await cleanup.enter_async_context(
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), auto_decompress=False)
    )
    return HttpWay(session, f"{access.server}/api/events?api-version=2018-01-01", access.key)
