"""The demo's webhooks answer as a subscriber's would."""

import httpx
import pytest

from router.demo.board import Called
from router.demo.receiver import receiving
from tests.builders import a_cloud_event, an_event


@pytest.fixture
def calls():
    return []


@pytest.fixture
async def client(calls):
    async with (
        receiving({"alerts": 200, "broken": 500}, calls.append) as url,
        httpx.AsyncClient(base_url=url, trust_env=False) as client,
    ):
        yield client


async def test_the_validation_handshake_is_answered(client, calls):
    event = an_event(data={"validationCode": "512d38b6"})
    answer = await client.post("/broken", json=[event], headers={"aeg-event-type": "SubscriptionValidation"})
    assert (answer.status_code, answer.json()) == (200, {"validationResponse": "512d38b6"})
    assert calls == []


async def test_the_cloud_events_handshake_is_answered(client):
    answer = await client.options("/alerts", headers={"webhook-request-origin": "router"})
    assert (answer.status_code, answer.headers["webhook-allowed-origin"]) == (200, "router")


async def test_events_are_told_and_answered_with_the_webhooks_status(client, calls):
    assert (await client.post("/alerts", json=[an_event(id="1")])).status_code == 200
    assert (await client.post("/broken", json=a_cloud_event(id="2"))).status_code == 500
    assert calls == [Called("alerts", "1", 200), Called("broken", "2", 500)]


async def test_there_is_nothing_else(client, calls):
    assert (await client.post("/stranger", json=[an_event()])).status_code == 404
    assert calls == []
