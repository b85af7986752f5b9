"""Who gets a token, by which secret, and what a token publishes."""

from typing import Any

import httpx
import jwt
import pytest

from tests.api.every_route import GROUP
from tests.api.running_api import TOKEN, subscription_path
from tests.api.running_site import EVENT, HEADER, Site, bad_tokens
from tests.builders import WORKSPACE


@pytest.mark.parametrize(
    ("role", "scope", "status"),
    [
        ("EventGrid Data Sender", "/", 200),
        ("EventGrid Data Sender", WORKSPACE, 200),
        ("EventGrid Data Sender", WORKSPACE + "2", 403),
        ("Owner", "/", 403),
        ("Reader", "/", 403),
    ],
)
async def test_a_token_publishes_with_the_role_of_a_sender_on_the_source(
    site: Site, role: str, scope: str, status: int
):
    token = await site.principal(role, scope)
    answer = await site.client.post("/api/events", json=EVENT, headers={"authorization": f"Bearer {token}"})
    assert answer.status_code == status


async def test_a_bad_token_publishes_nothing(site: Site):
    for token in await bad_tokens(site):
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        assert (await site.client.post("/api/events", json=EVENT, headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "change", [{"client_secret": "wrong"}, {"client_id": "nobody"}, {"client_secret": ""}, {"client_id": ""}]
)
async def test_a_wrong_secret_gets_no_token(site: Site, change: dict[str, str]):
    headers = {"authorization": f"Bearer {TOKEN}"}
    body = {"name": "one", "assignments": [{"role": "Reader"}]}
    made = (await site.client.post("/v1/principals", json=body, headers=headers)).json()
    form = {
        "grant_type": "client_credentials",
        "client_id": made["appId"],
        "client_secret": made["password"],
        "resource": "https://management.azure.com/",
    }
    good = await site.client.post(f"/{made['tenant']}/oauth2/token", data=form)
    assert good.status_code == 200
    bad = await site.client.post(f"/{made['tenant']}/oauth2/token", data=form | change)
    assert (bad.status_code, bad.json()["error"]) == (401, "invalid_client")
    assert made["password"] not in str(site.api.producer.topics)


@pytest.mark.parametrize(
    ("header", "query", "status"),
    [
        (HEADER, {"api-version": "2019-08-01", "resource": "https://management.azure.com/"}, 200),
        (HEADER, {"api-version": "2019-08-01", "resource": "https://vault.azure.net"}, 400),
        (HEADER, {"api-version": "2018-02-01", "resource": "https://management.azure.com/"}, 400),
        ("other", {"api-version": "2019-08-01", "resource": "https://management.azure.com/"}, 401),
        (None, {"api-version": "2019-08-01", "resource": "https://management.azure.com/"}, 401),
    ],
)
async def test_the_machine_gets_a_token_with_its_header_only(site: Site, header: str | None, query: Any, status: int):
    headers = {} if header is None else {"x-identity-header": header}
    answer = await site.client.get("/msi/token", params=query, headers=headers)
    assert answer.status_code == status
    if status == 200:
        token = answer.json()["access_token"]
        assert (await site.status("GET", subscription_path("es1"), token))[0] == 200
        assert (await site.status("PUT", GROUP, token))[0] == 200


async def test_what_anybody_may_know_is_told_without_a_token(site: Site):
    for path in ("/metadata/endpoints", "//metadata/endpoints"):
        answer = await site.client.get(str(site.client.base_url).rstrip("/") + path + "?api-version=2022-09-01")
        assert answer.json()["authentication"]["identityProvider"] == "AAD", path
    configuration = (await site.client.get("/common/v2.0/.well-known/openid-configuration")).json()
    keys = (await site.client.get(httpx.URL(configuration["jwks_uri"]).raw_path.decode())).json()["keys"]
    token = await site.principal("Reader")
    key = jwt.PyJWK(next(one for one in keys if one["kid"] == jwt.get_unverified_header(token)["kid"]))
    assert jwt.decode(token, key, algorithms=["RS256"], audience="https://management.azure.com")["idtyp"] == "app"
    assert not any("d" in one for one in keys)


async def test_a_principal_whose_name_has_a_slash_can_be_deleted(site: Site):
    headers = {"authorization": f"Bearer {TOKEN}"}
    body = {"name": "team/one", "assignments": [{"role": "Reader"}]}
    assert (await site.client.post("/v1/principals", json=body, headers=headers)).is_success
    assert (await site.client.delete("/v1/principals/team%2Fone", headers=headers)).is_success
    assert (await site.client.get("/v1/principals", headers=headers)).json()["principals"] == []
