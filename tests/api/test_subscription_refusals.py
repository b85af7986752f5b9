"""Event subscriptions that are refused, each with words that say what is wrong."""

import pytest

from tests.api.running_api import Api, error_of, subscription_path, to_topic
from tests.api.running_site import Site
from tests.builders import RESOURCE_GROUP, WORKSPACE


async def test_a_source_that_does_not_exist_is_not_found_by_name(api: Api):
    missing = f"{RESOURCE_GROUP}/providers/Microsoft.MachineLearningServices/workspaces/missing"
    answer = await api.call("PUT", subscription_path("alerts", missing), {"properties": to_topic("alerts")})
    assert (answer.status_code, error_of(answer)["code"]) == (404, "ResourceNotFound")
    assert missing in error_of(answer)["message"]
    assert "not found" in error_of(answer)["message"]


@pytest.mark.parametrize(("token", "words"), [(None, "is missing"), ("wrong", "not one of this server's")])
@pytest.mark.parametrize("path", [subscription_path("alerts"), WORKSPACE + "/listKeys", "/subscriptions/x/anything"])
async def test_nobody_manages_without_the_right_token(api: Api, path: str, token: str | None, words: str):
    answer = await api.call("GET", path, token=token)
    assert (answer.status_code, error_of(answer)["code"]) == (401, "AuthenticationFailed")
    assert words in error_of(answer)["message"]


@pytest.mark.parametrize("version", ["2021-10-15-preview", "2022-06-15", "2025-02-15"])
async def test_three_api_versions_are_understood(api: Api, version: str):
    assert (await api.put("alerts", to_topic("alerts"), version=version)).status_code == 201


@pytest.mark.parametrize(
    ("version", "code"), [(None, "MissingApiVersionParameter"), ("2015-01-01", "InvalidApiVersionParameter")]
)
async def test_other_api_versions_are_refused_with_the_list_of_those_that_are(api: Api, version: str | None, code: str):
    answer = await api.put("alerts", to_topic("alerts"), version=version)
    assert (answer.status_code, error_of(answer)["code"]) == (400, code)
    if version:
        assert "2022-06-15" in error_of(answer)["message"]


async def test_other_methods_are_refused_with_those_that_are_allowed(api: Api):
    answer = await api.call("POST", subscription_path("alerts"))
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, PUT, PATCH, DELETE")
    assert error_of(answer)["code"] == "MethodNotAllowed"


@pytest.mark.parametrize("path", ["/subscriptions/x/y", "/providers/Microsoft.Storage/x", WORKSPACE + "/frobnicate"])
async def test_a_path_that_names_nothing_is_not_found(api: Api, path: str):
    answer = await api.call("GET", path)
    assert (answer.status_code, error_of(answer)["code"]) == (404, "ResourceNotFound")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "has no body"),
        (b"{nope", "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[1]", "must be a JSON object"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"properties": {"labels": ["\\ud800"]}}', "properties.labels[0]"),
        (b'{"properties": {"x": NaN}}', "properties.x: NaN"),
        (b'{"properties": []}', "properties: []"),
        (b"{}", "properties: null"),
        (b'{"properties": {}}', "properties.destination: null"),
    ],
)
async def test_a_body_that_is_no_definition_is_refused_with_words(api: Api, body: bytes, words: str):
    answer = await api.call("PUT", subscription_path("alerts"), body)
    assert answer.status_code == 400
    assert words in error_of(answer)["message"]


async def test_a_body_that_is_too_large_is_refused(api: Api):
    answer = await api.call("PUT", subscription_path("alerts"), b" " * (1024 * 1024 + 1))
    assert (answer.status_code, error_of(answer)["code"]) == (413, "RequestEntityTooLarge")


@pytest.mark.parametrize("name", ["ab", "a" * 65, "under_score", "dot.dot", "ümlaut"])
async def test_a_wrong_name_is_refused_with_the_figures(api: Api, name: str):
    answer = await api.put(name, to_topic("alerts"))
    assert answer.status_code == 400
    assert "3 to 64" in error_of(answer)["message"]


async def test_kafka_being_away_is_said_and_stores_nothing(api: Api):
    api.producer.broken = True
    answer = await api.put("alerts", to_topic("alerts"))
    assert (answer.status_code, error_of(answer)["code"]) == (503, "ServiceUnavailable")
    assert answer.headers["retry-after"] == "5"
    assert (await api.get("alerts")).status_code == 404


async def test_an_unexpected_error_is_told_by_a_request_id_and_no_traceback(api: Api, monkeypatch: pytest.MonkeyPatch):
    async def broken(_name: str) -> None:
        raise ZeroDivisionError("inner secret")

    monkeypatch.setattr(api.topics, "ensure", broken)
    answer = await api.put("alerts", to_topic("alerts"))
    assert (answer.status_code, error_of(answer)["code"]) == (500, "InternalServerError")
    assert answer.headers["x-ms-request-id"] in error_of(answer)["message"]
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    "kind",
    [
        "StorageQueue",
        "ServiceBusQueue",
        "ServiceBusTopic",
        "AzureFunction",
        "HybridConnection",
        "MonitorAlert",
        "Carrier",
    ],
)
async def test_a_destination_that_means_nothing_here_is_refused_by_name(site: Site, kind: str):
    answer = await site.api.put("queue", {"destination": {"endpointType": kind, "properties": {"resourceId": "/x"}}})
    error = answer.json()["error"]
    assert (answer.status_code, error["target"]) == (400, "properties.destination.endpointType")
    assert kind in error["message"]
    assert kind == "Carrier" or "give a" in error["message"].lower()
