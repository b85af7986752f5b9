"""A handshake that fails for a reason that passes is tried again before the subscription fails."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from router.api import endpoints, provisioning
from router.handlers import Refused, Validated, validate_endpoint
from tests.api.running_api import Api, Endpoint, subscription_path, to_webhook, until

CLOUD_EVENTS = {"eventDeliverySchema": "CloudEventSchemaV1_0"}


class Starting(Endpoint):
    """Answers with the statuses that it is given, one for each request; when there are none left it confirms."""

    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[int] = []
        self.requests = 0

    async def _answer(self, request: web.Request) -> web.Response:
        self.requests += 1
        if self.statuses:
            return web.Response(status=self.statuses.pop(0))
        return await super()._answer(request)


@pytest.fixture
async def starting() -> AsyncIterator[Starting]:
    async with Starting().running() as started:
        yield started


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provisioning, "HANDSHAKE_PAUSES_SECONDS", (0.01, 0.01))


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("schema", [{}, CLOUD_EVENTS])
@pytest.mark.parametrize("statuses", [[503], [500, 429], [408]])
async def test_an_endpoint_in_trouble_for_a_moment_is_asked_again(
    api: Api, starting: Starting, statuses: list[int], schema: dict[str, str]
):
    starting.statuses = list(statuses)
    answer = await api.put("hook", to_webhook(starting.url) | schema)
    assert (await api.settled(answer))["status"] == "Succeeded"
    assert starting.requests == len(statuses) + 1


@pytest.mark.usefixtures("at_once")
async def test_after_three_requests_it_has_failed(api: Api, starting: Starting):
    starting.statuses = [503] * 10
    operation = await api.settled(await api.put("hook", to_webhook(starting.url)))
    assert operation["status"] == "Failed"
    assert "response code ServiceUnavailable" in operation["error"]["message"]
    assert starting.requests == 3


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("status", [302, 400, 401, 404])
async def test_an_endpoint_that_says_no_is_asked_once(api: Api, starting: Starting, status: int):
    starting.statuses = [status]
    assert (await api.settled(await api.put("hook", to_webhook(starting.url))))["status"] == "Failed"
    assert starting.requests == 1


async def test_an_endpoint_that_is_not_there_yet_is_asked_again(
    api: Api, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch
):
    outcomes = []

    async def validate(*given: Any, **more: Any) -> Validated | Refused:
        outcomes.append(await validate_endpoint(*given, **more))
        return outcomes[-1]

    monkeypatch.setattr(endpoints, "validate_endpoint", validate)
    answer = await api.put("hook", to_webhook(f"http://127.0.0.1:{unused_tcp_port}/hook"))
    await until(lambda: len(outcomes) == 1)
    async with Endpoint().running(unused_tcp_port):
        assert (await api.settled(answer))["status"] == "Succeeded"
    assert isinstance(outcomes[0], Refused)


@pytest.mark.usefixtures("at_once")
async def test_an_endpoint_that_takes_too_long_is_not_asked_for_ever(
    api: Api, starting: Starting, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(provisioning, "LAST_HANDSHAKE_SECONDS", 0.0)
    starting.statuses = [503] * 10
    assert (await api.settled(await api.put("hook", to_webhook(starting.url))))["status"] == "Failed"
    assert starting.requests == 1


async def test_nobody_is_asked_for_a_subscription_that_was_deleted_meanwhile(
    api: Api, starting: Starting, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(provisioning, "HANDSHAKE_PAUSES_SECONDS", (1.0, 0.0))
    starting.statuses = [503]
    answer = await api.put("hook", to_webhook(starting.url))
    await until(lambda: starting.requests == 1)
    await api.call("DELETE", subscription_path("hook"))
    assert (await api.settled(answer))["status"] == "Canceled"
    assert starting.requests == 1
