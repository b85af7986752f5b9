"""The Python SDK of Azure Event Grid, unmodified, publishes here and cannot tell the difference."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from tests.api.publishing import Publishing, publishing
from tests.builders import NOON, WORKSPACE, an_access_key

eventgrid = pytest.importorskip("azure.eventgrid")
aio = pytest.importorskip("azure.eventgrid.aio")
credentials = pytest.importorskip("azure.core.credentials")
exceptions = pytest.importorskip("azure.core.exceptions")
messaging = pytest.importorskip("azure.core.messaging")

GRID = [eventgrid.EventGridEvent(f"models/é:{n}", "t", {"n": n, "f": 1.5}, "2", event_time=NOON) for n in range(3)]
CLOUD = [
    messaging.CloudEvent("/me", "t", data={"n": 1}, subject="s", extensions={"mine": "x"}),
    messaging.CloudEvent(WORKSPACE, "t", data=b"\x00\xff", datacontenttype="application/octet-stream"),
]


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Publishing]:
    async with publishing() as started:
        yield started


@pytest.fixture
def endpoint(running: Publishing) -> Publishing:
    running.producer.topics.clear()
    return running


def send(endpoint, credential, events):
    with eventgrid.EventGridPublisherClient(endpoint.url + "/api/events", credential) as client:
        client.send(events)


def stored(endpoint):
    return [json.loads(message.value) for message in endpoint.messages]


async def test_event_grid_events_arrive_as_they_were_sent(endpoint):
    await asyncio.to_thread(send, endpoint, credentials.AzureKeyCredential(an_access_key()), GRID)
    for sent, got in zip(GRID, stored(endpoint), strict=True):
        assert got == {
            "id": str(sent.id),
            "subject": sent.subject,
            "data": sent.data,
            "eventType": "t",
            "dataVersion": "2",
            "eventTime": got["eventTime"],
            "topic": WORKSPACE,
            "metadataVersion": "1",
        }
        assert datetime.fromisoformat(got["eventTime"]) == NOON


async def test_cloud_events_arrive_as_they_were_sent(endpoint):
    await asyncio.to_thread(send, endpoint, credentials.AzureKeyCredential(an_access_key("local", 2)), CLOUD)
    for sent, got in zip(CLOUD, stored(endpoint), strict=True):
        again = messaging.CloudEvent.from_dict(got)
        names = ("id", "source", "type", "subject", "time", "data", "datacontenttype", "extensions")
        assert [getattr(again, name) for name in names] == [getattr(sent, name) for name in names]


async def test_a_shared_access_signature_is_good_until_it_expires(endpoint):
    def token(hours):
        moment = datetime.now(UTC) + timedelta(hours=hours)
        return credentials.AzureSasCredential(
            eventgrid.generate_sas(endpoint.url + "/api/events", an_access_key(), moment)
        )

    await asyncio.to_thread(send, endpoint, token(1), GRID)
    with pytest.raises(exceptions.ClientAuthenticationError, match="expired"):
        await asyncio.to_thread(send, endpoint, token(-1), GRID)
    assert len(endpoint.messages) == 3


async def test_the_asynchronous_client_publishes_too(endpoint):
    credential = credentials.AzureKeyCredential(an_access_key())
    async with aio.EventGridPublisherClient(endpoint.url + "/workspaces/local/api/events", credential) as client:
        await client.send(GRID[0])
    assert stored(endpoint)[0]["id"] == str(GRID[0].id)


async def test_a_wrong_key_raises_the_sdks_own_error(endpoint):
    with pytest.raises(exceptions.ClientAuthenticationError) as refused:
        await asyncio.to_thread(send, endpoint, credentials.AzureKeyCredential("d3Jvbmc="), GRID)
    assert refused.value.error.code == "Unauthorized"
