"""Receivers that nobody here wrote accept what is sent: their parsers and verifiers read the raw requests."""

import asyncio
import json
from base64 import b64decode
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from azure.core.messaging import CloudEvent
from azure.eventgrid import EventGridEvent
from azure.functions import meta
from azure.functions.eventgrid import EventGridEventInConverter
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook as StandardWebhook
from standardwebhooks.webhooks import WebhookVerificationError
from svix.webhooks import Webhook as SvixWebhook

from router.handlers import DeliveryRequest, WebhookHandler, batch_id, new_signing_secret, verifying_key
from router.settings import Settings
from tests.builders import BOX, NOON, a_cloud_event, a_subscription, a_webhook, an_event, as_bytes
from tests.clients.programs import run_node_receiver
from tests.receivers import Received, a_receiver
from topics.subscriptions import DeliveryAttribute, SigningSecret

SETTINGS = Settings(webhook_allowed_networks=(ip_network("127.0.0.1/32"),), webhook_allow_http=True)


@pytest.fixture
async def handler() -> AsyncIterator[WebhookHandler]:
    handler = WebhookHandler(SETTINGS, BOX)
    yield handler
    await handler.close()


async def sent(
    handler: WebhookHandler,
    *events: dict[str, Any],
    secrets: Sequence[str] = (),
    sink: dict[str, Any] | None = None,
    expired: Sequence[str] = (),
    **fields: Any,
) -> Received:
    """Deliver events and return the request as it arrived."""
    used = [SigningSecret(sealed=BOX.seal(secret), created_at=NOON) for secret in secrets]
    used += [SigningSecret(sealed=BOX.seal(one), created_at=NOON, expires=NOON - timedelta(days=1)) for one in expired]
    async with a_receiver() as receiver:
        webhook = a_webhook(receiver.url).model_copy(update=sink or {})
        given = {
            "delivery_id": "delivery-1",
            "subscription": a_subscription("alerts", sink=webhook, signing_secrets=tuple(used)),
            "sink": webhook,
            "attempt": 1,
            "events": tuple(as_bytes(event) for event in events),
            "schema": "CloudEventSchemaV1_0" if "specversion" in events[0] else "EventGridSchema",
            "data_version": "2",
        }
        await handler.deliver(DeliveryRequest(**(given | fields)))
    (request,) = receiver.received
    return request


@pytest.mark.parametrize("verifier", [StandardWebhook, SvixWebhook])
async def test_verifiers_of_standard_webhooks_accept_the_signature_over_the_raw_body(handler, verifier):
    secret = new_signing_secret()
    request = await sent(handler, an_event(data={"text": "zwölf ½ 🎉"}), secrets=[secret])
    verifier(secret).verify(request.body, request.headers)
    assert request.json[0]["data"] == {"text": "zwölf ½ 🎉"}


@pytest.mark.parametrize("verifier", [StandardWebhook, SvixWebhook])
async def test_while_a_secret_is_rotated_both_verify_and_another_does_not(handler, verifier):
    new, old, former = new_signing_secret(), new_signing_secret(), new_signing_secret()
    request = await sent(handler, an_event(), secrets=[new, old], expired=[former])
    for secret in (new, old):
        verifier(secret).verify(request.body, request.headers)
    for wrong in (former, new_signing_secret()):
        with pytest.raises(Exception, match=r"[Nn]o matching signature"):
            verifier(wrong).verify(request.body, request.headers)
    with pytest.raises(WebhookVerificationError):
        StandardWebhook(new).verify(request.body + b" ", request.headers)


async def test_an_ed25519_signature_is_verified_with_the_public_key(handler):
    secret = new_signing_secret("ed25519")
    public = verifying_key(secret)
    request = await sent(handler, an_event(), secrets=[secret])
    version, _, signature = request.headers["webhook-signature"].partition(",")
    content = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.body
    key = Ed25519PublicKey.from_public_bytes(b64decode(public.removeprefix("whpk_")))
    assert (version, public[:5]) == ("v1a", "whpk_")
    key.verify(b64decode(signature), content)
    with pytest.raises(InvalidSignature):
        key.verify(b64decode(signature), content + b" ")


async def test_the_sdk_and_azure_functions_read_an_event_grid_event(handler):
    request = await sent(handler, an_event())
    (raw,) = json.loads(request.body)
    event = EventGridEvent.from_json(json.dumps(raw))
    assert (event.id, event.event_type, event.data["modelName"]) == (raw["id"], raw["eventType"], "churn")
    read = EventGridEventInConverter.decode(meta.Datum(json.dumps(raw), "json"), trigger_metadata=None)
    assert (read.id, read.topic, read.event_type) == (raw["id"], raw["topic"], raw["eventType"])
    assert read.event_time == NOON
    assert request.headers["aeg-event-type"] == "Notification"


async def test_the_sdk_and_azure_functions_read_a_cloud_event(handler):
    request = await sent(handler, a_cloud_event())
    raw = json.loads(request.body)
    event = CloudEvent.from_json(request.body.decode())
    assert (event.id, event.source, event.type, event.time) == (raw["id"], raw["source"], raw["type"], NOON)
    read = EventGridEventInConverter.decode(meta.Datum(request.body.decode(), "json"), trigger_metadata=None)
    assert (read.id, read.source, read.type) == (raw["id"], raw["source"], raw["type"])


async def test_the_cloudevents_library_reads_a_structured_request(handler):
    request = await sent(handler, a_cloud_event())
    event = from_http_event(HTTPMessage(headers=request.headers, body=request.body))
    assert (event.get_id(), event.get_subject()) == (a_cloud_event()["id"], "models/churn:3")
    assert event.get_data()["modelName"] == "churn"


async def test_a_batch_of_cloud_events_has_the_content_type_of_batches(handler):
    ids = ["one", "two", "three"]
    request = await sent(
        handler,
        *(a_cloud_event(id=one) for one in ids),
        sink={"max_events_per_batch": 10},
        delivery_id=batch_id(ids),
        attempt=4,
    )
    assert request.headers["content-type"] == "application/cloudevents-batch+json; charset=utf-8"
    assert [CloudEvent.from_dict(one).id for one in json.loads(request.body)] == ids
    assert request.headers["aeg-delivery-count"] == "3"
    assert request.headers["webhook-id"] == batch_id(ids) == batch_id(ids[::-1]) != batch_id(ids[:2])


async def test_delivery_attributes_arrive_as_headers(handler):
    attributes = (
        DeliveryAttribute(name="x-tenant", kind="Static", value="contoso"),
        DeliveryAttribute(name="x-key", kind="Static", sealed_value=BOX.seal("s3cret")),
        DeliveryAttribute(name="Authorization", kind="Static", sealed_value=BOX.seal("Bearer abc")),
    )
    request = await sent(
        handler, an_event(), sink={"delivery_attributes": attributes}, attributes=(("x-model", "Z%C3%BCrich"),)
    )
    expected = {"x-tenant": "contoso", "x-key": "s3cret", "authorization": "Bearer abc", "x-model": "Z%C3%BCrich"}
    assert expected.items() <= request.headers.items()


@pytest.mark.npm
@pytest.mark.timeout(240)
async def test_parsers_and_verifiers_of_node_take_every_kind_of_request(handler):
    """`@azure/eventgrid`, `cloudevents`, `standardwebhooks` and `svix` from npm, over the raw body."""
    new, old = new_signing_secret(), new_signing_secret()
    data = {"text": "zwölf ½ 🎉 \u2028", "n": 1.5, "nothing": None}
    grid, cloud = an_event(data=data), a_cloud_event(data=data, mine="x")
    grids, clouds = [grid | {"id": str(n)} for n in range(2)], [cloud | {"id": str(n)} for n in range(2)]
    many = {"sink": {"max_events_per_batch": 10}}
    requests = {
        "grid": await sent(handler, grid, secrets=[new, old]),
        "grids": await sent(handler, *grids, secrets=[new, old], **many),
        "cloud": await sent(handler, cloud, secrets=[new, old]),
        "clouds": await sent(handler, *clouds, secrets=[new, old], **many),
    }
    given = {
        name: {"headers": one.headers, "body": one.body.decode(), "secrets": [new, old]}
        for name, one in requests.items()
    }
    found = await asyncio.to_thread(run_node_receiver, given, new_signing_secret())
    for one in found.values():
        assert one["standard"] == one["svix"] == [True, True, False, False]
    noon = "2025-10-20T12:00:00.000Z"
    names = ("id", "topic", "eventType", "subject", "data", "dataVersion")
    for kind, events in (("grid", [grid]), ("grids", grids)):
        expected = [{name: event[name] for name in names} | {"eventTime": noon} for event in events]
        assert found[kind]["azure"] == expected
    names = ("id", "source", "type", "subject", "data")
    for kind, events in (("cloud", [cloud]), ("clouds", clouds)):
        expected = [{name: event[name] for name in names} | {"time": noon, "extension": "x"} for event in events]
        assert found[kind]["azure"] == found[kind]["cloudevents"] == expected
