"""Confirmation by the validation URL (§6.2), over a real socket; and signing secrets."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from router.settings import Settings
from tests.api.running_api import Api, Endpoint, running, subscription_path, to_topic, to_webhook, until

SETTINGS = Settings(webhook_allowed_networks="127.0.0.0/8", webhook_allow_http=True)
CLOUD_EVENTS = {"eventDeliverySchema": "CloudEventSchemaV1_0"}


class Clock:
    """The time, which a test may push on."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Silent(Endpoint):
    """Takes validation requests and says nothing of them, but keeps the URL by which they are confirmed."""

    def __init__(self) -> None:
        super().__init__()
        self.urls: list[str] = []

    async def _answer(self, request: web.Request) -> web.Response:
        if request.method == "OPTIONS":
            self.urls.append(request.headers["WebHook-Request-Callback"])
        else:
            (event,) = await request.json()
            self.urls.append(event["data"]["validationUrl"])
        return web.Response()

    def path(self) -> str:
        """The newest URL, on whichever port the API listens now."""
        parts = urlsplit(self.urls[-1])
        return f"{parts.path}?{parts.query}"


@pytest.fixture
async def silent() -> AsyncIterator[Silent]:
    async with Silent().running() as started:
        yield started


async def state(api: Api) -> Any:
    return (await api.get("hook")).json()["properties"]["provisioningState"]


async def awaiting(api: Api, silent: Silent, **more: Any) -> Any:
    answer = await api.put("hook", to_webhook(f"{silent.url}/hook?code=s3cret") | more)
    await until(
        lambda: (stored := api.stored("hook")) is not None and stored.provisioning_state == "AwaitingManualAction"
    )
    return answer


@pytest.mark.parametrize("schema", [{}, CLOUD_EVENTS])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_who_opens_the_validation_url_confirms_the_subscription(
    api: Api, silent: Silent, method: str, schema: dict[str, str]
):
    answer = await awaiting(api, silent, **schema)
    assert await state(api) == "AwaitingManualAction"
    opened = await api.client.request(method, silent.path())
    assert (opened.status_code, opened.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert "successfully validated" in opened.text
    assert await state(api) == "Succeeded"
    assert (await api.settled(answer))["status"] == "Succeeded"
    assert (await api.client.request(method, silent.path())).status_code == 404, "it counts once"


async def test_the_url_is_under_the_public_one_and_its_token_is_not_stored(api: Api, silent: Silent):
    await awaiting(api, silent)
    parts = urlsplit(silent.urls[-1])
    query = parse_qs(parts.query)
    assert parts.path == "/eventsubscriptions/hook/validate"
    assert len(query["token"][0]) >= 43
    stored = b"".join(message.value or b"" for message in api.producer.topics["router.subscriptions"])
    assert query["token"][0].encode() not in stored


@pytest.mark.parametrize(
    ("old", "new"), [("token=", "token=x"), ("id=", "id=x"), ("/hook/", "/another/"), ("validate?", "validate?token=&")]
)
async def test_any_other_url_confirms_nothing(api: Api, silent: Silent, old: str, new: str):
    await awaiting(api, silent)
    path = silent.path().replace(old, new, 1)
    if "token=&" in new:
        path = path.rpartition("&token=")[0]
    assert (await api.client.get(path)).status_code == 404
    assert await state(api) == "AwaitingManualAction"


async def test_after_ten_minutes_it_is_too_late(silent: Silent):
    clock = Clock()
    async with running(Api(SETTINGS, clock)) as api:
        answer = await awaiting(api, silent)
        clock.ahead = timedelta(minutes=10, seconds=1)
        operation = await api.settled(answer)
        assert (operation["status"], operation["error"]["code"]) == ("Failed", "Url validation")
        assert "Http GET is expected on the validation url" in operation["error"]["message"]
        assert "s3cret" not in operation["error"]["message"]
        assert await state(api) == "Failed"
        assert (await api.client.get(silent.path())).status_code in (404, 410)
        assert await state(api) == "Failed"


async def test_a_restart_of_the_server_changes_nothing(silent: Silent):
    clock = Clock()
    api = Api(SETTINGS, clock)
    async with running(api):
        answer = await awaiting(api, silent)
    async with running(api):
        assert await state(api) == "AwaitingManualAction"
        assert (await api.client.get(silent.path())).status_code == 200
        assert (await api.settled(answer))["status"] == "Succeeded"
        await api.call("DELETE", subscription_path("hook"))
        await awaiting(api, silent)
    clock.ahead = timedelta(minutes=11)
    async with running(api):
        await until(lambda: (stored := api.stored("hook")) is not None and stored.provisioning_state == "Failed")


async def test_an_endpoint_that_changes_is_asked_anew_while_the_old_one_goes_on(
    api: Api, silent: Silent, endpoint: Endpoint
):
    await api.settled(await api.put("hook", to_webhook(f"{endpoint.url}/old")))
    answer = await awaiting(api, silent)
    stored = api.stored("hook")
    assert stored is not None
    assert (stored.is_live, stored.sink.endpoint_base_url) == (True, f"{endpoint.url}/old")
    assert (await api.client.get(silent.path())).status_code == 200
    assert (await api.settled(answer))["status"] == "Succeeded"
    stored = api.stored("hook")
    assert stored is not None
    assert (stored.is_live, stored.sink.endpoint_base_url, stored.pending) == (True, f"{silent.url}/hook", None)


async def test_a_later_definition_ends_the_wait(api: Api, silent: Silent):
    await awaiting(api, silent)
    await api.put("hook", to_topic("later"))
    assert (await api.client.get(silent.path())).status_code == 404
    assert await state(api) == "Succeeded"


# ---- signing secrets


async def secrets_of(api: Api, action: str = "getSigningSecrets", body: Any = None) -> Any:
    answer = await api.call("POST", f"{subscription_path('hook')}/{action}", body)
    assert answer.status_code == 200, answer.text
    return answer.json()["signingSecrets"]


async def test_a_webhook_has_a_signing_secret_that_only_its_own_request_tells(api: Api, endpoint: Endpoint):
    await api.settled(await api.put("hook", to_webhook(endpoint.url)))
    (secret,) = await secrets_of(api)
    assert (secret["key"][:6], secret["algorithm"], secret["expiresAt"]) == ("whsec_", "hmac-sha256", None)
    shown = (await api.get("hook")).text
    stored = b"".join(message.value or b"" for message in api.producer.topics["router.subscriptions"])
    assert secret["key"] not in shown
    assert secret["key"].encode() not in stored
    await api.settled(await api.put("hook", to_webhook(endpoint.url) | {"labels": ["x"]}))
    assert await secrets_of(api) == [secret], "a new definition keeps it"


async def test_a_rotated_secret_signs_on_for_a_day(api: Api, endpoint: Endpoint):
    await api.settled(await api.put("hook", to_webhook(endpoint.url)))
    (former,) = await secrets_of(api)
    new, old = await secrets_of(api, "rotateSigningSecret")
    assert (old["key"], new["expiresAt"]) == (former["key"], None)
    left = datetime.fromisoformat(old["expiresAt"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(hours=24)
    (only,) = await secrets_of(api, "rotateSigningSecret", {"algorithm": "ed25519", "overlapHours": 0})
    assert (only["key"][:5], only["algorithm"]) == ("whpk_", "ed25519")


async def test_a_topic_has_no_signing_secret(api: Api):
    await api.put("hook", to_topic("t"))
    assert await secrets_of(api) == []
    answer = await api.call("POST", f"{subscription_path('hook')}/rotateSigningSecret")
    assert answer.status_code == 400


# ---- what Event Grid does not have


async def test_a_rate_oauth_and_a_client_certificate_are_kept_and_their_secret_hidden(api: Api, endpoint: Endpoint):
    oauth = {"tokenUrl": f"{endpoint.url}/token", "clientId": "me", "clientSecret": "s3cret", "scope": "hooks"}
    await api.put("hook", to_webhook(endpoint.url, oauth=oauth, maxDeliveriesPerSecond=2.5, clientCertificate="us"))
    shown = (await api.get("hook")).json()["properties"]["destination"]["properties"]
    assert shown["oauth"] == oauth | {"clientSecret": "Hidden"}
    assert (shown["maxDeliveriesPerSecond"], shown["clientCertificate"]) == (2.5, "us")
    answer = await api.call(
        "PATCH", subscription_path("hook"), {"destination": {"endpointType": "WebHook", "properties": shown}}
    )
    assert answer.status_code == 201, answer.text


@pytest.mark.parametrize("rate", [0, -1, "fast", True, 1e9])
async def test_a_rate_that_is_none_is_refused(api: Api, rate: Any):
    answer = await api.put("hook", to_webhook("http://127.0.0.1:9/", maxDeliveriesPerSecond=rate))
    assert answer.status_code == 400
    assert "maxDeliveriesPerSecond" in answer.text
