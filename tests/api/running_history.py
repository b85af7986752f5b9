"""/v1 on a real socket: a history that is filled by hand, and records that Kafka would have."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import structlog

from router.api.v1.documentation import documentation_route
from router.api.v1.explain import explain_routes
from router.api.v1.history_queries import HistoryQueries
from router.api.v1.routes import history_routes, unknown_routes
from router.delivery.dead_letter import dead_letter_value
from router.delivery.settle import GiveUp
from router.history.reader import HistoryReader
from router.history.redrive import Redriver
from router.history.rows import event_row
from router.history.store import Batch, HistoryStore
from router.identity.callers import Callers
from router.kafka.memory import MemoryProducer
from router.observability.serving import BackgroundServer
from router.server import build_server
from router.settings import Settings
from router.subscriptions.view import SubscriptionsView
from tests.api.running_api import TOKEN
from tests.builders import NOON, StoredRecord, a_delivery, a_record, a_subscription, an_event, as_bytes
from tests.unit.history.facts import ALERTS, a_dead, an_attempted
from topics import DEAD_LETTERS, DELIVERIES, WORKSPACE_EVENTS, Delivery
from topics.subscriptions import subscription_key

SOON = timedelta(seconds=1)
BUSY = {"outcome": "failed", "status": 503, "detail": "Service Unavailable"}
CAUSE = "endpoint/503/service-unavailable"


class MemoryRecords:
    """Records by their places."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, int, int], StoredRecord] = {}

    def keep(self, topic: str, record: StoredRecord) -> None:
        self.records[topic, record.partition, record.offset] = record

    async def fetch(self, topic: str, places: Any) -> dict[tuple[int, int], StoredRecord]:
        return {tuple(place): self.records[topic, *place] for place in places if (topic, *place) in self.records}


class Past:
    """A server's /v1, and what it answers from."""

    def __init__(self, data_dir: Path) -> None:
        self.store = HistoryStore(data_dir / "history.sqlite3", "cluster")
        self.records = MemoryRecords()
        self.producer = MemoryProducer()
        self.view = SubscriptionsView()
        self.fanned_out: int | None = 1_000
        reader = HistoryReader(data_dir / "history.sqlite3")
        self.redriver = Redriver(
            reader=reader, records=self.records, producer=self.producer, subscriptions=self.view, now=lambda: NOON
        )
        queries = HistoryQueries(reader=reader, records=self.records, view=self.view, fanned_out=self.how_far)
        self.callers = tokens = Callers(TOKEN)
        routes = [
            *explain_routes(self.view, queries, tokens),
            *history_routes(queries, self.redriver, self.view, tokens),
        ]
        self.app = build_server(
            Settings(data_dir=data_dir), [*routes, documentation_route(), *unknown_routes(routes, tokens)]
        )
        self.client: Any = None
        self.url = ""

    async def how_far(self, _partition: int) -> int | None:
        return self.fanned_out

    def subscribe(self, name: str, **fields: Any) -> str:
        subscription = a_subscription(name, **fields)
        self.view.apply(subscription_key(subscription.id), subscription.encode())
        return subscription.id

    def accept(self, **members: Any) -> None:
        record = a_record(an_event(**members))
        self.records.keep(WORKSPACE_EVENTS.name, record)
        self.store.apply(Batch(events=[event_row(record)]))

    def die(self, *names: str, subscription: str = ALERTS) -> None:
        """Let deliveries fail with 503 and be given up."""
        for name in names:
            at = NOON + SOON * len(self.records.records)
            event = an_event(id=f"e-{name}")
            delivery = a_delivery(event, delivery_id=name, subscription_id=subscription, last_outcome="Busy")
            given_up = GiveUp("MaxDeliveryAttemptsExceeded", 1, "Busy")
            value = dead_letter_value(as_bytes(event), "EventGridSchema", given_up, published=NOON, last_attempt=at)
            record = StoredRecord(value, tuple(delivery.headers()), offset=len(self.records.records))
            self.records.keep(DEAD_LETTERS.name, record)
            place = {"partition": record.partition, "record_offset": record.offset, "subscription": subscription}
            self.store.apply(
                Batch(
                    attempts=[an_attempted(name, at=at, event_id=event["id"], subscription=subscription, **BUSY)],
                    dead_letters=[a_dead(name, at=at, event_id=event["id"], **place)],
                )
            )

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(f"/v1/{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def answering(self, **attempt: Any) -> None:
        """Attempt what is put into router.deliveries, as a worker would."""
        done = 0
        while True:
            for message in self.producer.topics[DELIVERIES.name][done:]:
                done += 1
                delivery = Delivery.from_record(message.value, message.headers)
                event_id = json.loads(delivery.event)["id"]
                later = NOON + timedelta(days=1)
                row = an_attempted(delivery.delivery_id, at=later, event_id=event_id, **attempt)
                self.store.apply(Batch(attempts=[row]))
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running_history(data_dir: Path) -> AsyncIterator[Past]:
    """Serve a history on a free port; what the server logs in this process is not the commands' output."""
    past = Past(data_dir)
    server = BackgroundServer(past.app, "127.0.0.1", 0)
    past.url = f"http://127.0.0.1:{await server.start()}"
    headers = {"authorization": f"Bearer {TOKEN}"}
    try:
        with structlog.testing.capture_logs():
            async with httpx.AsyncClient(
                base_url=past.url, timeout=50, headers=headers, trust_env=False
            ) as past.client:
                yield past
    finally:
        await past.redriver.stop()
        await server.stop()
        past.store.close()


@asynccontextmanager
async def worker(past: Past, **attempt: Any) -> AsyncIterator[None]:
    task = asyncio.create_task(past.answering(**attempt))
    yield
    task.cancel()


async def ended(past: Past, redrive: Any) -> Any:
    while redrive["state"] == "running":
        await asyncio.sleep(0.01)
        redrive = await past.get(f"dead-letters/redrives/{redrive['id']}")
    return redrive
