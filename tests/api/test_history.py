"""/v1 over a real socket: problems, attempts, and who got an event."""

import re
import sqlite3

import httpx
import pytest

from router.history.reader import HistoryReader
from router.history.store import Batch, HistoryStore
from tests.api.running_history import BUSY, SOON, Past
from tests.builders import NOON, a_webhook, an_event
from tests.unit.history.facts import ALERTS, an_attempted
from topics.subscriptions import Filter


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


def test_the_file_can_be_read_while_it_is_written(tmp_path):
    store = HistoryStore(tmp_path / "history.sqlite3", "cluster")
    reader = HistoryReader(tmp_path / "history.sqlite3")
    with sqlite3.connect(tmp_path / "history.sqlite3", isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        assert reader.attempts(limit=1) == []
    other.close()
    store.close()


async def test_a_draft_with_an_integer_of_more_than_64_bits_is_explained_exactly(past: Past):
    event = an_event(data={"n": 10**30 + 1})
    draft = {"advancedFilters": [{"operatorType": "NumberIn", "key": "data.n", "values": [10**30 + 1]}]}
    answer = await past.client.post("/v1/explain", json={"event": event, "filter": draft})
    (result,) = answer.json()["results"]
    assert (result["matches"], result["clauses"][-1]["expected"]) == (True, [10**30 + 1])
