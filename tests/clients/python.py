"""The Python SDK as a client: `azure-eventgrid`, synchronous and asynchronous, publishes what expected.py says."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.core.credentials import AzureKeyCredential, AzureSasCredential
from azure.core.exceptions import HttpResponseError
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent, EventGridPublisherClient, generate_sas
from azure.eventgrid.aio import EventGridPublisherClient as AsyncEventGridPublisherClient

from tests.clients.expected import MOMENT, Endpoints

Send = Callable[[str, AzureKeyCredential | AzureSasCredential, Any], Awaitable[None]]
HOUR = timedelta(hours=1)


async def synchronous(address: str, credential: AzureKeyCredential | AzureSasCredential, events: Any) -> None:
    """Send with the synchronous client, which the caller runs in an event loop of its own."""
    with EventGridPublisherClient(address, credential) as client:
        client.send(events)


async def asynchronous(address: str, credential: AzureKeyCredential | AzureSasCredential, events: Any) -> None:
    """Send with the asynchronous client."""
    async with AsyncEventGridPublisherClient(address, credential) as client:
        await client.send(events)


async def publish(send: Send, language: str, given: Endpoints) -> dict[str, Any]:
    """Publish everything, and return how the three requests ended that must be refused."""
    workspace, clouds = given.url + "/api/events", given.url + "/topics/clouds/api/events"
    ways = {
        "key1": AzureKeyCredential(given.key1),
        "key2": AzureKeyCredential(given.key2),
        "sas": signature(workspace, given.key1, HOUR),
    }
    for way, credential in ways.items():
        await send(workspace, credential, grid(f"{language}-{way}"))
        await send(workspace, credential, cloud(f"{language}-{way}"))
    await send(clouds, signature(clouds, given.clouds_key, HOUR), cloud(f"{language}-clouds"))
    own = {"myId": f"{language}-custom-1", "kind": "T", "about": "orders/é", "more": {"a": [1, 2.5, None]}}
    await send(given.url + "/topics/orders/api/events", AzureKeyCredential(given.orders_key), own)
    errors = []
    for address, credential in (
        (workspace, AzureKeyCredential("d3Jvbmc=")),
        (workspace, signature(workspace, given.key1, -HOUR)),
        (clouds, AzureKeyCredential(given.clouds_key)),
    ):
        try:
            await send(address, credential, grid(f"{language}-refused"))
        except HttpResponseError as error:
            errors.append([error.status_code, error.error.code])
    return {"errors": errors}


def signature(address: str, key: str, lifetime: timedelta) -> AzureSasCredential:
    """Return a shared access signature that the SDK makes."""
    return AzureSasCredential(generate_sas(address, key, datetime.now(UTC) + lifetime))


def grid(prefix: str) -> list[EventGridEvent | dict[str, Any]]:
    """An event as the SDK's object, and one as a dictionary."""
    first, second = (
        {
            "id": f"{prefix}-grid-{n}",
            "subject": f"models/é:{n}",
            "eventType": "T",
            "eventTime": MOMENT,
            "dataVersion": "2",
            "data": {"n": n, "f": 1.5, "s": '\u2028"\\', "deep": [{"a": None}]},
        }
        for n in (1, 2)
    )
    made = EventGridEvent(first["subject"], "T", first["data"], "2", id=first["id"], event_time=MOMENT)
    return [made, second | {"eventTime": MOMENT.isoformat()}]


def cloud(prefix: str) -> list[CloudEvent]:
    """An event with all attributes, and one of bytes."""
    return [
        CloudEvent(
            "/me",
            "T",
            id=f"{prefix}-cloud-1",
            subject="s",
            time=MOMENT,
            data={"n": 1},
            datacontenttype="application/json",
            dataschema="https://x/y",
            extensions={"mine": "x"},
        ),
        CloudEvent(
            "/me", "T", id=f"{prefix}-cloud-2", data=b"\x00\xff", datacontenttype="application/octet-stream", time=None
        ),
    ]
