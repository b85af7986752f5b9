"""/v1 and its commands over a real socket: a history that was filled by hand, records that Kafka would have."""

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
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
from tests.api.test_cli import credentials_for
from tests.builders import (
    NOON,
    StoredRecord,
    a_delivery,
    a_record,
    a_subscription,
    a_webhook,
    an_event,
    as_bytes,
    event_headers,
)
from tests.command_line import router
from tests.unit.history.facts import ALERTS, a_dead, an_attempted
from topics import DEAD_LETTERS, DELIVERIES, WORKSPACE_EVENTS, Delivery
from topics.subscriptions import Filter, subscription_key

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


@pytest.fixture
async def past(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Past]:
    monkeypatch.setattr("router.history.redrive.LOOK_SECONDS", 0.01)
    monkeypatch.setattr("router.cli.dead_letters.LOOK_SECONDS", 0.01)
    for name in ("ROUTER_SERVER", "ROUTER_TOKEN", "ROUTER_LOG_LEVEL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROUTER_DATA_DIR", str(tmp_path))
    past = Past(tmp_path)
    server = BackgroundServer(past.app, "127.0.0.1", 0)
    past.url = f"http://127.0.0.1:{await server.start()}"
    credentials_for(past.url).write(tmp_path)
    headers = {"authorization": f"Bearer {TOKEN}"}
    with structlog.testing.capture_logs():
        async with httpx.AsyncClient(base_url=past.url, headers=headers, trust_env=False) as past.client:
            yield past
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


class TestProblems:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "/v1/attempts?limit=0", 400),
            ("GET", "/v1/attempts?limit=many", 400),
            ("GET", "/v1/attempts?outcome=perhaps", 400),
            ("GET", "/v1/attempts?next=nonsense", 400),
            ("GET", "/v1/attempts?next=WzFlOTk5XQ", 400),
            ("GET", "/v1/dead-letters?next=WzFd", 400),
            ("GET", "/v1/events/unknown", 404),
            ("GET", "/v1/dead-letters/unknown", 404),
            ("GET", "/v1/dead-letters/redrives/unknown", 404),
            ("GET", "/v1/nothing", 404),
            ("PUT", "/v1/attempts", 405),
            ("POST", "/v1/dead-letters/redrive", 400),
        ],
    )
    async def test_what_goes_wrong_is_told_as_problem_details(self, past, method, path, status):
        answer = await past.client.request(method, path)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        problem = answer.json()
        assert (problem["status"], problem["type"]) == (status, "about:blank")
        assert problem["title"]
        assert problem["detail"]

    @pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic eDp5"])
    @pytest.mark.parametrize("path", ["/v1/attempts", "/v1/nothing"])
    async def test_nothing_is_told_without_the_token(self, past, header, path):
        async with httpx.AsyncClient(base_url=past.url, trust_env=False) as stranger:
            answer = await stranger.get(path, headers={} if header is None else {"authorization": header})
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        assert answer.headers["content-type"] == "application/problem+json"

    async def test_a_history_that_is_not_there_yet_is_a_503(self, past, tmp_path):
        past.store.close()
        (tmp_path / "history.sqlite3").unlink()
        answer = await past.client.get("/v1/attempts")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")

    async def test_a_page_for_people_without_scripts(self, past):
        answer = await past.client.get("/docs")
        assert answer.status_code == 200
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "POST /v1/dead-letters/redrive" in answer.text
        assert "<script" not in answer.text
        assert not re.search(r"(src|href)=\"(?!/openapi|#)", answer.text)

    async def test_openapi_describes_it(self, past):
        paths = (await past.client.get("/openapi.json")).json()["paths"]
        assert {"/v1/attempts", "/v1/events/{id}", "/v1/dead-letters", "/v1/dead-letters/redrive"} <= set(paths)


class TestAttempts:
    async def test_the_shape(self, past):
        past.store.apply(Batch(attempts=[an_attempted("d-1", **BUSY)]))
        assert await past.get("attempts") == {
            "attempts": [
                {
                    "delivery_id": "d-1",
                    "event_id": "e-1",
                    "subscription": ALERTS,
                    "attempt": 1,
                    "at": "2025-10-20T12:00:00Z",
                    "outcome": "failed",
                    "status": 503,
                    "duration_ms": 3.5,
                    "detail": "Service Unavailable",
                }
            ],
            "next": None,
        }

    async def test_pages_fit_together(self, past):
        past.store.apply(Batch(attempts=[an_attempted(f"d-{n}", at=NOON + n * SOON) for n in range(5)]))
        found, cursor = [], {}
        while True:
            page = await past.get("attempts", limit=2, subscription="alerts", **cursor)
            found += [one["delivery_id"] for one in page["attempts"]]
            if page["next"] is None:
                break
            cursor = {"next": page["next"]}
        assert found == ["d-4", "d-3", "d-2", "d-1", "d-0"]


class TestEvents:
    async def test_who_got_it_and_how(self, past):
        topic = past.subscribe("models")
        hook = past.subscribe("alerts", sink=a_webhook())
        past.subscribe("others", filter=Filter(included_event_types=("Other",)))
        past.subscribe("later", created_at=NOON + SOON)
        past.accept(id="e-1")
        past.store.apply(Batch(attempts=[an_attempted("d-1", **BUSY), an_attempted("d-1", at=NOON + SOON, attempt=2)]))
        found = await past.get("events/e-1")
        assert found["event"] == an_event(id="e-1")
        assert found["accepted_at"] == "2025-10-20T12:00:00Z"
        states = [(one["subscription"], one["state"], len(one["attempts"])) for one in found["deliveries"]]
        assert states == [(hook, "delivered", 2), (topic, "written", 0)]
        assert [one["attempt"] for one in found["deliveries"][0]["attempts"]] == [1, 2]

    async def test_what_fanout_has_not_read_yet_is_pending(self, past):
        past.subscribe("models")
        past.subscribe("alerts", sink=a_webhook())
        past.accept(id="e-1")
        past.fanned_out = None
        assert {one["state"] for one in (await past.get("events/e-1"))["deliveries"]} == {"pending"}

    async def test_a_dead_letter_and_a_subscription_that_is_gone(self, past):
        past.accept(id="e-d-1")
        past.die("d-1")
        (delivery,) = (await past.get("events/e-d-1"))["deliveries"]
        assert (delivery["subscription"], delivery["state"]) == (ALERTS, "dead_lettered")

    async def test_an_id_may_hold_anything(self, past):
        past.accept(id="a/b c?d#é")
        assert (await past.get("events/a%2Fb%20c%3Fd%23%C3%A9"))["event"]["id"] == "a/b c?d#é"


class TestDeadLetters:
    async def test_causes_and_letters(self, past):
        past.die("d-1", "d-2")
        found = await past.get("dead-letters", limit=1)
        assert found["causes"] == [{"cause": CAUSE, "count": 2, "oldest": "2025-10-20T12:00:00Z"}]
        assert found["dead_letters"] == [
            {
                "delivery_id": "d-2",
                "event_id": "e-d-2",
                "subscription": ALERTS,
                "reason": "MaxDeliveryAttemptsExceeded",
                "attempts": 1,
                "last_outcome": "Busy",
                "at": "2025-10-20T12:00:01Z",
            }
        ]
        rest = await past.get("dead-letters", limit=1, next=found["next"], cause=CAUSE, subscription=ALERTS)
        assert ([one["delivery_id"] for one in rest["dead_letters"]], rest["next"]) == (["d-1"], None)
        assert (await past.get("dead-letters", cause="network/none/x"))["dead_letters"] == []

    async def test_one_with_its_event_and_attempts(self, past):
        past.die("d-1")
        found = await past.get("dead-letters/d-1")
        assert found["event"] == an_event(id="e-d-1")
        assert [one["status"] for one in found["delivery_attempts"]] == [503]

    async def test_redriven_ones_are_delivered_as_they_were(self, past):
        past.subscribe("alerts", sink=a_webhook())
        past.die("d-1", "d-2")
        begun = await past.client.post("/v1/dead-letters/redrive", json={"cause": CAUSE})
        assert begun.status_code == 202
        assert begun.headers["location"] == f"/v1/dead-letters/redrives/{begun.json()['id']}"
        async with worker(past):
            redrive = await ended(past, begun.json())
        assert (redrive["state"], redrive["delivered"], redrive["total"]) == ("completed", 2, 2)
        message = past.producer.topics[DELIVERIES.name][0]
        event = an_event(id="e-d-1")
        assert (message.value, message.key) == (as_bytes(event), subscription_key(ALERTS))
        again = Delivery.from_record(message.value, message.headers)
        assert again == replace(
            a_delivery(event, delivery_id="d-1", first_published=NOON), event_headers=tuple(event_headers(event))
        )
        assert (await past.get("dead-letters"))["dead_letters"] == []

    async def test_a_canary_that_fails_stops_the_others(self, past):
        past.subscribe("alerts", sink=a_webhook())
        past.die(*(f"d-{n}" for n in range(20)))
        async with worker(past, **BUSY):
            begun = await past.client.post("/v1/dead-letters/redrive", json={"subscription": "alerts"})
            redrive = await ended(past, begun.json())
        assert (redrive["state"], redrive["sent"], redrive["failed"]) == ("stopped", 1, 1)
        assert len(past.producer.topics[DELIVERIES.name]) == 1

    async def test_what_nobody_wants_any_more_is_skipped(self, past):
        past.die("d-1")
        begun = await past.client.post("/v1/dead-letters/redrive", json={"delivery_ids": ["d-1", "d-9"]})
        redrive = await ended(past, begun.json())
        assert (redrive["state"], redrive["skipped"], redrive["sent"]) == ("completed", 1, 0)

    async def test_without_kafka_it_fails_and_says_why(self, past):
        past.subscribe("alerts", sink=a_webhook())
        past.die("d-1")
        past.producer.broken = True
        begun = await past.client.post("/v1/dead-letters/redrive", json={})
        redrive = await ended(past, begun.json())
        assert (redrive["state"], redrive["detail"]) == ("failed", "the memory broker is broken on purpose")


class TestCommands:
    async def test_attempts(self, past):
        past.store.apply(Batch(attempts=[an_attempted("d-1", **BUSY), an_attempted("d-2", at=NOON + SOON)]))
        done = await router("attempts", "--subscription", "alerts", "--outcome", "failed")
        assert done.code == 0
        head, row = done.out.splitlines()
        assert head.split() == ["AT", "SUBSCRIPTION", "EVENT", "ATTEMPT", "OUTCOME", "STATUS", "TOOK", "ANSWER"]
        assert row.split()[2:] == ["alerts", "e-1", "1", "failed", "503", "4", "ms", "Service", "Unavailable"]
        found = json.loads((await router("attempts", "--event", "e-1", "--limit", "1", "--json")).out)
        assert [one["delivery_id"] for one in found] == ["d-2"]

    async def test_an_event(self, past):
        past.subscribe("models")
        past.subscribe("alerts", sink=a_webhook())
        past.accept(id="e/1")
        past.store.apply(Batch(attempts=[an_attempted("d-1", event_id="e/1", **BUSY)]))
        done = await router("events", "show", "e/1")
        assert done.code == 0
        assert "e/1" in done.out
        lines = [line.split() for line in done.out.splitlines()]
        assert ["models", "written"] in lines
        assert any(line[:2] == ["alerts", "pending"] and "503" in line for line in lines)
        unknown = await router("events", "show", "e-2")
        assert (unknown.code, unknown.out) == (1, "")
        assert "e-2" in unknown.err

    async def test_a_published_event_is_explained_by_its_id(self, past: Past) -> None:
        past.accept(id="e/1")
        near = past.subscribe("near", filter=Filter(subject_begins_with="models/", subject_ends_with="/nobody"))
        every = past.subscribe("every")
        answer = json.loads((await router("explain", "e/1", "--json")).out)
        assert [(one["subscription"], one["first_failed"]) for one in answer["results"]] == [(every, None), (near, 1)]
        unknown = await router("explain", "e-2")
        assert (unknown.code, "e-2" in unknown.err) == (1, True)
        assert (await router("explain", "nowhere.json")).code == 1

    async def test_what_strangers_wrote_does_not_reach_the_terminal(self, past):
        past.store.apply(Batch(attempts=[an_attempted("d-1", event_id="\x1b[2J", detail="\x1b]0;x\x07")]))
        assert "\x1b" not in (await router("attempts")).out

    async def test_dead_letters(self, past):
        past.die("d-1", "d-2")
        listed = await router("dead-letters", "list", "--limit", "1")
        assert listed.code == 0
        assert listed.out.splitlines()[1].split()[:2] == [CAUSE, "2"]
        assert "d-2" in listed.out
        assert "1 of 2" in listed.err
        shown = await router("dead-letters", "show", "d-1")
        assert CAUSE in shown.out
        assert "Service Unavailable" in shown.out

    async def test_redrive(self, past):
        past.subscribe("alerts", sink=a_webhook())
        past.die("d-1", "d-2", "d-3")
        nothing_said = await router("dead-letters", "redrive")
        assert nothing_said.code == 1
        assert "--all" in nothing_said.err
        async with worker(past, **BUSY):
            failed = await router("dead-letters", "redrive", "--cause", CAUSE)
        assert failed.code == 1
        assert "failed again" in failed.err
        past.producer.topics.clear()
        async with worker(past):
            done = await router("dead-letters", "redrive", "d-2", "d-3", "--json")
        assert (done.code, json.loads(done.out)["delivered"]) == (0, 2)


def test_the_file_can_be_read_while_it_is_written(tmp_path):
    store = HistoryStore(tmp_path / "history.sqlite3", "cluster")
    reader = HistoryReader(tmp_path / "history.sqlite3")
    with sqlite3.connect(tmp_path / "history.sqlite3", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert reader.attempts(limit=1) == []
    other.close()
    store.close()
