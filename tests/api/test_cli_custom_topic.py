"""`router custom-topic` against the real API, over a real socket."""

import json

import pytest
import pytest_asyncio
import structlog

from router.settings import Settings
from tests.api.running_api import Api, credentials_for, running
from tests.command_line import router

TOPIC = "/providers/Microsoft.EventGrid/topics/"


@pytest.fixture(autouse=True)
def _quiet_servers():
    with structlog.testing.capture_logs():
        yield


@pytest_asyncio.fixture(autouse=True)
async def api(tmp_path, monkeypatch):
    for name in ("ROUTER_SERVER", "ROUTER_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ROUTER_DATA_DIR", str(tmp_path))
    async with running(Api(Settings(data_dir=tmp_path))) as started:
        credentials_for(started.url).write(tmp_path)
        yield started


async def custom_topic(*arguments):
    return await router("custom-topic", *arguments)


async def test_a_topic_is_created_shown_listed_and_deleted(api):
    created = await custom_topic("create", "orders", "--json")
    assert (created.code, created.err) == (0, "")
    assert json.loads(created.out)["properties"]["endpoint"] == f"{api.url}/topics/orders/api/events"
    assert f"{api.url}/topics/orders/api/events" in (await custom_topic("show", "orders")).out
    assert "EventGridSchema" in (await custom_topic("list")).out
    assert (await custom_topic("delete", "orders")).code == 0
    assert json.loads((await custom_topic("list", "--json")).out) == []
    again = await custom_topic("delete", "orders")
    assert (again.code != 0, "there is no custom topic orders" in again.err) == (True, True)


async def test_a_mapping_is_given_as_az_has_it():
    flags = ("--input-schema", "customeventschema", "--input-mapping-fields", "id=myId", "eventtype=kind")
    created = await custom_topic("create", "legacy", *flags, "--input-mapping-default-values", "subject=none", "--json")
    assert created.code == 0, created.err
    assert json.loads(created.out)["properties"]["inputSchemaMapping"]["properties"] == {
        "id": {"sourceField": "myId"},
        "eventType": {"sourceField": "kind"},
        "subject": {"defaultValue": "none"},
    }


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--input-schema", "CustomEventSchema"), "--input-mapping-fields must be given"),
        (("--input-mapping-fields", "id=x"), "only with, --input-schema CustomEventSchema"),
        (("--input-mapping-default-values", "id=x"), "one of eventType, subject, dataVersion"),
        (("--input-mapping-fields", "nothing"), "must be PROPERTY=VALUE"),
    ],
)
async def test_a_mapping_that_cannot_be_is_refused(flags, words):
    refused = await custom_topic("create", "legacy", *flags)
    assert refused.code != 0
    assert words in " ".join(refused.err.split())


async def test_one_key_is_made_anew_while_the_other_goes_on():
    await custom_topic("create", "orders")
    before = json.loads((await custom_topic("keys", "orders", "--json")).out)
    after = json.loads((await custom_topic("keys", "orders", "--regenerate", "key1", "--json")).out)
    assert (after["key1"] != before["key1"], after["key2"]) == (True, before["key2"])
    missing = await custom_topic("keys", "nobody")
    assert (missing.code != 0, "no custom topic nobody" in missing.err) == (True, True)
