"""Receiving: what each subscription gets, from its topic or at a webhook, is noted in the ledger."""

import asyncio
import time
from contextlib import suppress
from typing import Final, Protocol

import orjson
from aiohttp import web
from aiokafka import AIOKafkaConsumer, TopicPartition

from router.kafka.admin import partition_counts
from router.kafka.connection import connection
from router.kafka.fetching import fetched_records
from router.loadtest.ledger import Ledger
from router.loadtest.plan import number_of, rehearsal_of
from topics import MAX_MESSAGE_BYTES
from topics.events import CE_ID

POLL_SECONDS: Final = 0.2
_FEW: Final = {"fetch_min_bytes": 1, "fetch_max_wait_ms": 20}
"""Each event is fetched as soon as it is there."""
_MANY: Final = {"fetch_min_bytes": 64 * 1024, "fetch_max_wait_ms": 5}
"""Where thousands come each second, a fetch for each batch would take the machine from what is measured."""


class Receiver(Protocol):
    """Something that receives until it is stopped."""

    async def start(self) -> None:
        """Be ready to receive."""
        ...

    async def stop(self) -> None:
        """Receive no more."""
        ...


def note(run: str, ledger: Ledger, subscription: int, ident: str, at: float) -> None:
    """Enter an event that a subscription got; those of others are none of ours."""
    number = number_of(run, ident)
    if number is not None:
        ledger.receive(subscription, number, at)
        return
    number = rehearsal_of(run, ident)
    if number is not None:
        ledger.rehearse(subscription, number)


class TopicReceiver:
    """Reads the topics of all subscriptions, committed records only, from their beginning."""

    def __init__(self, bootstrap_servers: str, run: str, topics: list[str], ledger: Ledger, *, gathers: bool) -> None:
        self._bootstrap_servers, self._run, self._ledger = bootstrap_servers, run, ledger
        self._fetches = _MANY if gathers else _FEW
        self._subscription_of = {topic: number for number, topic in enumerate(topics)}
        self._consumer: AIOKafkaConsumer | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read in the background."""
        counts = await partition_counts(self._bootstrap_servers, list(self._subscription_of))
        consumer = AIOKafkaConsumer(
            **connection(self._bootstrap_servers),
            enable_auto_commit=False,
            isolation_level="read_committed",
            **self._fetches,
            max_partition_fetch_bytes=MAX_MESSAGE_BYTES,
        )
        await consumer.start()
        partitions = [TopicPartition(name, number) for name in self._subscription_of for number in range(counts[name])]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        self._consumer = consumer
        self._task = asyncio.create_task(self._read(consumer), name="receive")

    async def stop(self) -> None:
        """Stop reading."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._consumer is not None:
            await self._consumer.stop()

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            polled = await fetched_records(consumer._fetcher, None, POLL_SECONDS, is_urgent=False)  # noqa: SLF001
            at = time.monotonic()
            for partition, records in polled.items():
                subscription = self._subscription_of[partition.topic]
                for record in records:
                    ident = next((value for name, value in record.headers if name == CE_ID), b"")
                    note(self._run, self._ledger, subscription, ident.decode(errors="replace"), at)


class WebhookReceiver:
    """A webhook for each subscription on one port of loopback; it answers the validation handshake."""

    def __init__(self, run: str, subscriptions: int, ledger: Ledger) -> None:
        self._run, self._subscriptions, self._ledger = run, subscriptions, ledger
        self._runner: web.AppRunner | None = None
        self.port = 0

    def urls(self) -> list[str]:
        """Return the endpoint of each subscription."""
        return [f"http://127.0.0.1:{self.port}/{number}" for number in range(self._subscriptions)]

    async def start(self) -> None:
        """Listen on a free port."""
        application = web.Application(client_max_size=4 * MAX_MESSAGE_BYTES)
        application.router.add_post("/{subscription}", self._answer)
        self._runner = web.AppRunner(application, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close the port."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        events = orjson.loads(await request.read())
        if request.headers.get("aeg-event-type", "").lower() == "subscriptionvalidation":
            return web.json_response({"validationResponse": events[0]["data"]["validationCode"]})
        at, subscription = time.monotonic(), int(request.match_info["subscription"])
        for event in events if isinstance(events, list) else [events]:
            note(self._run, self._ledger, subscription, str(event["id"]), at)
        return web.Response()
