"""The handshake (§6), over a real socket."""

import json
import re
from collections.abc import AsyncIterator
from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp import web

from router.errors import RefusedError
from router.handlers import (
    AcceptedWithoutCode,
    EndpointPolicy,
    Handshake,
    HttpClient,
    Refused,
    Validated,
    validate_endpoint,
)
from tests.builders import NOON, WORKSPACE
from tests.receivers import Received, a_receiver

POLICY = EndpointPolicy((ip_network("127.0.0.1/32"),), allow_http=True)
CODE = "512d38b6-c7b8-40c8-89fe-f46f9e9622b6"
ACTIVITY = r"Activity id:[0-9a-f-]{36}, timestamp: 10/20/2025 12:00:00 PM \(UTC\)\.$"


@pytest.fixture
async def session() -> AsyncIterator[HttpClient]:
    client = HttpClient(POLICY)
    yield client
    await client.close()


def a_handshake(url: str, **fields: Any) -> Handshake:
    given = {
        "url": url,
        "subscription_name": "alerts",
        "topic": WORKSPACE,
        "schema": None,
        "validation_url": "http://127.0.0.1:8080/validate?token=t0ken-of-one-use",
        "validation_code": CODE,
    }
    return Handshake(**(given | fields))


async def validate(session: HttpClient, handshake: Handshake, **fields: Any) -> Validated | Refused:
    return await validate_endpoint(session, handshake, policy=POLICY, now=NOON, **fields)


async def echo(received: Received) -> web.Response:
    return web.json_response({"validationResponse": received.json[0]["data"]["validationCode"], "more": 1})


async def test_an_endpoint_that_sends_the_code_back_is_validated(session):
    async with a_receiver(echo) as receiver:
        assert await validate(session, a_handshake(receiver.url + "?code=secret")) == Validated()
    (request,) = receiver.received
    expected = {
        "content-type": "application/json; charset=utf-8",
        "aeg-event-type": "SubscriptionValidation",
        "aeg-subscription-name": "ALERTS",
        "aeg-delivery-count": "0",
        "aeg-data-version": "1",
        "aeg-metadata-version": "1",
    }
    assert (request.method, request.path) == ("POST", "/hook?code=secret")
    assert expected.items() <= request.headers.items()
    (event,) = request.json
    assert re.fullmatch("[0-9a-f-]{36}", event.pop("id"))
    assert event == {
        "topic": WORKSPACE,
        "subject": "",
        "data": {"validationCode": CODE, "validationUrl": "http://127.0.0.1:8080/validate?token=t0ken-of-one-use"},
        "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
        "eventTime": "2025-10-20T12:00:00Z",
        "metadataVersion": "1",
        "dataVersion": "1",
    }


@pytest.mark.parametrize("name", ["ValidationResponse", "validationresponse"])
async def test_the_code_counts_under_its_name_in_any_case(session, name):
    async with a_receiver(web.json_response({name: CODE})) as receiver:
        assert await validate(session, a_handshake(receiver.url)) == Validated()


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b'{"validationResponse": "another"}'),
        (200, b'["' + CODE.encode() + b'"]'),
        (200, b"not json"),
        (202, b'{"validationResponse": "' + CODE.encode() + b'"}'),
        (204, b""),
    ],
)
async def test_an_endpoint_that_accepts_without_the_code_may_be_confirmed_by_hand(session, status, body):
    async with a_receiver(web.Response(status=status, body=body)) as receiver:
        answer = await validate(session, a_handshake(receiver.url + "?code=secret"))
    assert isinstance(answer, AcceptedWithoutCode)
    assert answer.code == "Url validation"
    assert answer.message.startswith(
        f"Webhook validation handshake failed for {receiver.url}. Http POST request retuned 2XX response with response "
    )
    assert re.search(ACTIVITY, answer.message)
    assert "secret" not in answer.message


@pytest.mark.parametrize(
    ("status", "name"), [(404, "NotFound"), (400, "BadRequest"), (500, "InternalServerError"), (302, "Found")]
)
async def test_an_endpoint_that_answers_otherwise_is_refused(session, status, name):
    async with a_receiver(status) as receiver:
        answer = await validate(session, a_handshake(receiver.url))
    assert type(answer) is Refused
    assert answer.message.startswith(
        f"Webhook validation handshake failed for {receiver.url}. Http POST request failed with response code {name}. "
        "For troublehooting, visit https://aka.ms/esvalidation. Activity id:"
    )


async def test_an_endpoint_that_does_not_answer_is_refused(session):
    async with a_receiver() as receiver:
        url = receiver.url
    answer = await validate(session, a_handshake(url))
    assert type(answer) is Refused
    assert "failed with response code Unknown." in answer.message


@pytest.mark.parametrize(
    ("status", "may_pass"),
    [(408, True), (429, True), (500, True), (503, True), (404, False), (401, False), (302, False)],
)
async def test_a_refusal_says_whether_it_is_worth_asking_again(session, status, may_pass):
    async with a_receiver(status) as receiver:
        answer = await validate(session, a_handshake(receiver.url))
    assert isinstance(answer, Refused)
    assert answer.may_pass is may_pass


async def test_an_endpoint_that_is_not_there_is_worth_asking_again(session):
    async with a_receiver() as receiver:
        url = receiver.url
    answer = await validate(session, a_handshake(url))
    assert isinstance(answer, Refused)
    assert answer.may_pass


async def test_an_endpoint_that_leaves_the_rate_out_is_confirmed(session):
    granted = web.Response(headers={"WebHook-Allowed-Origin": "eventgrid.azure.net"})
    async with a_receiver(granted) as receiver:
        answer = await validate(session, a_handshake(receiver.url, schema="CloudEventSchemaV1_0"))
    assert answer == Validated(None)


async def test_the_answer_must_come_in_time(session):
    async def late(_received: Received) -> web.StreamResponse:
        raise NotImplementedError

    async with a_receiver(late) as receiver:
        answer = await validate(session, a_handshake(receiver.url), timeout_seconds=0.0001)
    assert type(answer) is Refused
    assert "failed with response code Unknown." in answer.message


async def test_a_body_without_end_is_refused(session):
    async with a_receiver(web.Response(body=b'{"validationResponse": "' + b"x" * 200_000)) as receiver:
        answer = await validate(session, a_handshake(receiver.url))
    assert type(answer) is Refused


@pytest.mark.parametrize("url", ["http://127.0.0.2/hook", "ftp://127.0.0.1/", "http://user@127.0.0.1/"])
async def test_an_endpoint_where_nothing_may_go_is_not_asked(session, url):
    with pytest.raises(RefusedError, match="Supplied URL is invalid"):
        await validate(session, a_handshake(url))


@pytest.mark.parametrize("origin", ["*", "eventgrid.azure.net"])
async def test_a_cloud_events_endpoint_is_asked_for_permission(session, origin):
    granted = web.Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})
    async with a_receiver(granted) as receiver:
        handshake = a_handshake(receiver.url, schema="CloudEventSchemaV1_0")
        assert await validate(session, handshake) == Validated()
    (request,) = receiver.received
    expected = {
        "webhook-request-origin": "eventgrid.azure.net",
        "webhook-request-callback": "http://127.0.0.1:8080/validate?token=t0ken-of-one-use",
        "webhook-request-rate": "120",
    }
    assert request.method == "OPTIONS"
    assert expected.items() <= request.headers.items()
    assert request.body == b""


@pytest.mark.parametrize(
    ("answer", "kind", "name"),
    [
        (web.Response(status=404), Refused, "NotFound"),
        (web.Response(), AcceptedWithoutCode, "Ok"),
        (web.Response(headers={"WebHook-Allowed-Origin": "elsewhere.example"}), Refused, "Ok"),
    ],
)
async def test_a_cloud_events_endpoint_that_does_not_permit_is_refused(session, answer, kind, name):
    async with a_receiver(answer) as receiver:
        refused = await validate(session, a_handshake(receiver.url, schema="CloudEventSchemaV1_0"))
    assert type(refused) is kind
    assert refused.message.startswith(
        f"Webhook validation handshake failed for {receiver.url}. Http OPTIONS request failed with response code "
    )
    assert name.lower() in refused.message.lower()
    assert "https://aka.ms/esvalidationcloudevent." in refused.message


@pytest.mark.parametrize(("said", "rate"), [("60", 60), ("*", None), ("120", None), ("5000", None), ("often", None)])
async def test_a_rate_below_the_one_asked_for_is_told(session, said, rate):
    granted = web.Response(headers={"WebHook-Allowed-Origin": "*", "WebHook-Allowed-Rate": said})
    async with a_receiver(granted) as receiver:
        answer = await validate(session, a_handshake(receiver.url, schema="CloudEventSchemaV1_0"))
    assert answer == Validated(rate)


@pytest.mark.parametrize("schema", [None, "CloudEventSchemaV1_0"])
async def test_validation_requests_carry_the_headers_of_the_subscription(session, schema):
    async with a_receiver(404) as receiver:
        await validate(session, a_handshake(receiver.url, schema=schema, headers=(("x-api-key", "k3y"),)))
    assert receiver.received[0].headers["x-api-key"] == "k3y"


async def test_an_endpoint_that_repeats_what_it_got_does_not_tell_how_to_confirm_for_it(session):
    async def repeat(received: Received) -> web.Response:
        told = json.dumps({"path": received.path, "headers": received.headers, "body": received.json})
        return web.Response(text=told.replace("/", "\\/"))

    async with a_receiver(repeat) as receiver:
        handshake = a_handshake(receiver.url + "?code=swordfish", headers=(("x-api-key", "open sesame"),))
        refused = await validate(session, handshake)
    assert isinstance(refused, AcceptedWithoutCode)
    assert "[redacted]" in refused.message
    for secret in (CODE, "t0ken-of-one-use", "swordfish", "open sesame"):
        assert secret not in refused.message
