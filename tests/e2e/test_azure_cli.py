"""The unmodified az against a whole router: the how-to page, block by block, and every flag of §9.1."""

import asyncio
import json
import re
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.azure_router import AZ, ENVIRONMENT, HOME, Az, AzureRouter, programs
from tests.e2e.az_flags import EVERY_OPERATOR, GROUP, HUBS, ML, STORAGE, WORKSPACE, every_flag, other_values
from tests.receivers import Received, Receiver, a_receiver

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.azure,
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(AZ is None, reason="there is no az on the PATH, and TEST_AZ names none"),
]

HOW_TO = HOME / "docs" / "azure-how-to.md"
BLOCK = re.compile(r"^```(bash|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SUBSCRIPTION = ("eventgrid", "event-subscription")
ON_WORKSPACE = ("--source-resource-id", WORKSPACE)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory):
    started = AzureRouter(tmp_path_factory.mktemp("azure"))
    started.start()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def az(running: AzureRouter, tmp_path_factory: pytest.TempPathFactory) -> Az:
    return Az(running, tmp_path_factory.mktemp("az") / "bin")


@pytest.fixture
async def webhook() -> AsyncIterator[Receiver]:
    """A webhook that answers the validation handshake, and 200 to everything else."""

    async def answer(received: Received) -> web.StreamResponse:
        if received.headers.get("aeg-event-type") != "SubscriptionValidation":
            return web.Response()
        return web.json_response({"validationResponse": received.json[0]["data"]["validationCode"]})

    async with a_receiver(then=answer) as started:
        yield started


async def notifications(webhook: Receiver, count: int) -> list[Received]:
    """Return the events that came, once there are so many requests of them."""
    while True:
        found = [one for one in webhook.received if one.headers.get("aeg-event-type") == "Notification"]
        if len(found) >= count:
            return found
        await webhook.wait_for(len(webhook.received) + 1, seconds=60)


def blocks() -> list[tuple[str, str]]:
    """Each block of commands of the page, with what has to be in its output."""
    found = [(kind, text) for kind, text in BLOCK.findall(HOW_TO.read_text())]
    return [
        (text, found[at + 1][1] if at + 1 < len(found) and found[at + 1][0] == "text" else "")
        for at, (kind, text) in enumerate(found)
        if kind == "bash"
    ]


async def test_every_block_of_the_how_to_page_does_what_it_says(
    running: AzureRouter, webhook: Receiver, tmp_path: Path
):
    environment = {
        **ENVIRONMENT,
        "PATH": programs(tmp_path / "bin"),
        "ROUTER_DATA_DIR": str(running.data),
        "WEBHOOK": webhook.url,
    }
    script = "set -euo pipefail\n" + "\n".join(f"{text}\necho '<end of block>'" for text, _ in blocks())
    done = await asyncio.to_thread(
        subprocess.run, ["bash", "-c", script],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    outputs = done.stdout.split("<end of block>\n")
    for (text, expected), output in zip(blocks(), outputs, strict=False):
        for line in expected.splitlines():
            assert line in output, f"{text}\n--- printed\n{output}"
    (received,) = await notifications(webhook, 1)
    assert [event["id"] for event in received.json] == ["run-1"]
    assert received.path.endswith("?code=secret")


def publish(running: AzureRouter, directory: Path, *events: dict[str, Any]) -> None:
    file = directory / "events.json"
    file.write_text(json.dumps(events))
    running.run("publish", str(file))


def registered(event_id: str, subject: str, **data: Any) -> dict[str, Any]:
    event = {"id": event_id, "subject": subject, "eventType": f"{ML}.ModelRegistered", "data": data}
    return event | {"eventTime": "2026-01-01T00:00:00Z", "dataVersion": "2"}


def assert_every_flag_is_shown(shown: Any, url: str) -> None:
    """What `every_flag` said of the subscription is there."""
    assert (shown["name"], shown["provisioningState"], shown["type"]) == (
        "every-flag", "Succeeded", "Microsoft.EventGrid/eventSubscriptions",
    )  # fmt: skip
    assert shown["topic"].endswith("/microsoft.machinelearningservices/workspaces/local")
    assert_destination_is_shown(shown["destination"], url)
    assert_filter_is_shown(shown["filter"])
    assert shown["retryPolicy"] == {"maxDeliveryAttempts": 5, "eventTimeToLiveInMinutes": 60}
    assert shown["eventDeliverySchema"] == "EventGridSchema"
    assert shown["deadLetterDestination"] == {
        "endpointType": "StorageBlob", "resourceId": STORAGE, "blobContainerName": "dead",
    }  # fmt: skip
    assert shown["labels"] == ["nightly", "team-a"]
    assert shown["expirationTimeUtc"].startswith("2099-01-01T00:00:00")


def assert_destination_is_shown(destination: Any, url: str) -> None:
    assert (destination["endpointType"], destination["endpointUrl"], destination["endpointBaseUrl"]) == (
        "WebHook", None, url,
    )  # fmt: skip
    assert (destination["maxEventsPerBatch"], destination["preferredBatchSizeInKilobytes"]) == (10, 128)
    assert [
        (one["name"], one["type"], one.get("value"), one.get("isSecret"), one.get("sourceField"))
        for one in destination["deliveryAttributeMappings"]
    ] == [
        ("x-key", "Static", "Hidden", True, None),
        ("x-team", "Static", "contoso", False, None),
        ("x-text", "Dynamic", None, None, "data.text"),
    ]


def assert_filter_is_shown(wanted: Any) -> None:
    assert wanted["includedEventTypes"] == [f"{ML}.ModelRegistered", f"{ML}.RunCompleted"]
    assert (wanted["subjectBeginsWith"], wanted["subjectEndsWith"], wanted["isSubjectCaseSensitive"]) == (
        "models/", ":1", True,
    )  # fmt: skip
    assert wanted["enableAdvancedFilteringOnArrays"] is True
    assert [(one["operatorType"], one["key"]) for one in wanted["advancedFilters"]] == [
        (operator, key) for operator, (key, *_) in EVERY_OPERATOR.items()
    ]
    assert wanted["advancedFilters"][6]["values"] == [[1, 9]]


def assert_only_what_was_given_changed(changed: Any, shown: Any) -> None:
    """What `other_values` said is there, and what it did not say is as it was."""
    assert changed["filter"]["includedEventTypes"] == [f"{ML}.ModelDeployed"]
    assert (changed["filter"]["subjectBeginsWith"], changed["filter"]["subjectEndsWith"]) == ("endpoints/", "x")
    assert [one["key"] for one in changed["filter"]["advancedFilters"]] == ["data.n"]
    assert [one["name"] for one in changed["destination"]["deliveryAttributeMappings"]] == ["x-new"]
    assert (changed["labels"], changed["deadLetterDestination"]["blobContainerName"]) == (["daily"], "later")
    # What was not given stays.
    assert (changed["retryPolicy"], changed["expirationTimeUtc"]) == (shown["retryPolicy"], shown["expirationTimeUtc"])
    assert (changed["destination"]["maxEventsPerBatch"], changed["eventDeliverySchema"]) == (10, "EventGridSchema")


async def assert_only_matching_events_arrive(running: AzureRouter, webhook: Receiver, directory: Path) -> None:
    """An event that every filter lets through comes alone, with the headers of the mappings."""
    right = {"n": 5, "flag": True, "text": "abc", "none": None}
    publish(
        running, directory,
        registered("wrong", "models/a:1", **right | {"flag": False}), registered("other", "models/a:2", **right),
        registered("right", "models/a:1", **right),
    )  # fmt: skip
    (received,) = await notifications(webhook, 1)
    assert [event["id"] for event in received.json] == ["right"]
    assert [received.headers[name] for name in ("x-key", "x-team", "x-text")] == ["hush", "contoso", "abc"]
    assert received.headers["aeg-subscription-name"].lower() == "every-flag"


async def test_every_flag_of_a_webhook_is_kept_and_shown_and_its_events_arrive(
    running: AzureRouter, az: Az, webhook: Receiver, tmp_path: Path
):
    name = ("--name", "every-flag", *ON_WORKSPACE)
    shown = await az(*SUBSCRIPTION, "create", *name, *every_flag(f"{webhook.url}?code=secret"))
    assert shown == await az(*SUBSCRIPTION, "show", *name)
    assert_every_flag_is_shown(shown, webhook.url)

    bare = await az(
        *SUBSCRIPTION, "show", *name,
        "--include-full-endpoint-url", "--include-static-delivery-attribute-secret",
    )  # fmt: skip
    assert bare["destination"]["endpointUrl"] == f"{webhook.url}?code=secret"
    # The page of mappings, and not the mappings: so does az show them.
    assert bare["destination"]["deliveryAttributeMappings"]["value"][0]["value"] == "hush"

    await assert_only_matching_events_arrive(running, webhook, tmp_path)

    changed = await az(*SUBSCRIPTION, "update", *name, *other_values(f"{webhook.url}?code=another"))
    assert changed == await az(*SUBSCRIPTION, "show", *name)
    assert_only_what_was_given_changed(changed, shown)

    # An update of az does not begin with the labels that are there, so what is added is all.
    again = await az(
        *SUBSCRIPTION, "update", *name, "--set", "filter.subjectEndsWith=y",
        "--add", "labels", "weekly",
    )  # fmt: skip
    assert (again["filter"]["subjectEndsWith"], again["labels"]) == ("y", ["weekly"])
    full = await az(*SUBSCRIPTION, "show", *name, "--include-full-endpoint-url")
    assert full["destination"]["endpointUrl"] == f"{webhook.url}?code=another"
    assert await az(*SUBSCRIPTION, "delete", *name) is None
    assert "was not found" in await az.refused(*SUBSCRIPTION, "show", *name)


async def test_an_event_hub_is_a_topic_and_lists_find_it(running: AzureRouter, az: Az, tmp_path: Path):
    made = await az(
        *SUBSCRIPTION, "create", "--name", "flags-hub", *ON_WORKSPACE,
        "--endpoint-type", "eventhub", "--endpoint", f"{HUBS}/flags-hub",
        "--event-delivery-schema", "cloudeventschemav1_0", "--included-event-types", "All",
    )  # fmt: skip
    assert made["destination"]["resourceId"] == f"{HUBS}/flags-hub"
    publish(running, tmp_path, registered("to-hub", "models/b:1"))
    (line,) = running.run("consume", "flags-hub", "--from-beginning", "--max", "1", "--json").splitlines()
    assert '"specversion"' in line
    assert "to-hub" in line
    for words in (
        (*ON_WORKSPACE, "--odata-query", "contains(name, 'flags') and not (name eq 'other' or name ne 'flags-hub')"),
        ("--location", "local"),
        ("--location", "local", "--resource-group", "local", "--topic-type-name", f"{ML}.Workspaces"),
    ):
        listed = await az(*SUBSCRIPTION, "list", *words)
        assert "flags-hub" in [one["name"] for one in listed], words
    told = await az.refused(*SUBSCRIPTION, "list", *ON_WORKSPACE, "--odata-query", "labels eq 'a'")
    assert "$filter" in told
    await az(*SUBSCRIPTION, "delete", "--name", "flags-hub", *ON_WORKSPACE)


def to(kind: str, endpoint: str, *more: str) -> tuple[str, ...]:
    return ("--endpoint-type", kind, "--endpoint", endpoint, *more)


HOOK = "https://127.0.0.1:9/hook"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (to("storagequeue", f"{STORAGE}/queueservices/default/queues/q", "--qttl", "60"), "EventHub of its name"),
        (
            to("servicebusqueue", f"{GROUP}/providers/Microsoft.ServiceBus/namespaces/n/queues/q"),
            "EventHub of its name",
        ),
        (
            to("servicebustopic", f"{GROUP}/providers/Microsoft.ServiceBus/namespaces/n/topics/t"),
            "EventHub of its name",
        ),
        (to("hybridconnection", f"{GROUP}/providers/Microsoft.Relay/namespaces/n/hybridConnections/h"), "no relay"),
        (to("azurefunction", f"{GROUP}/providers/Microsoft.Web/sites/a/functions/f"), "the function's own URL"),
        (to("eventhub", f"{HUBS}/h", "--delivery-attribute-mapping", "x", "static", "y"), "takes none here"),
        (
            to("webhook", HOOK, "--aad-tenant-id", "t", "--azure-active-directory-application-id-or-uri", "a"),
            "no Microsoft Entra here",
        ),
        (
            (
                "--delivery-identity",
                "systemassigned",
                "--delivery-identity-endpoint-type",
                "eventhub",
                "--delivery-identity-endpoint",
                f"{HUBS}/h",
            ),
            "managed identities are not supported",
        ),
        (
            to(
                "eventhub",
                f"{HUBS}/h",
                "--deadletter-identity",
                "systemassigned",
                "--deadletter-identity-endpoint",
                f"{STORAGE}/blobServices/default/containers/dead",
            ),
            "managed identities are not supported",
        ),
        (to("eventhub", f"{HUBS}/h", "--expiration-date", "2001-01-01"), "Invalid expiration time"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_flag_without_a_meaning_here_is_refused_in_words(az: Az, words: tuple[str, ...], says: str):
    assert says in await az.refused(*SUBSCRIPTION, "create", "--name", "refused", *ON_WORKSPACE, *words)


async def test_topics_with_their_flags_keys_and_subscriptions(az: Az):
    topic = ("--name", "flags", "--resource-group", "local")
    made = await az(
        "eventgrid", "topic", "create", *topic, "--location", "local", "--tags", "team=a", "--sku", "basic",
        "--input-schema", "customeventschema", "--input-mapping-fields", "id=myId", "eventType=kind",
        "--input-mapping-default-values", "subject=none", "dataVersion=1", "--public-network-access", "enabled",
    )  # fmt: skip
    assert made == await az("eventgrid", "topic", "show", *topic)
    assert (made["inputSchema"], made["tags"], made["provisioningState"]) == (
        "CustomEventSchema", {"team": "a"}, "Succeeded",
    )  # fmt: skip
    assert made["inputSchemaMapping"]["id"] == {"sourceField": "myId"}
    assert made["endpoint"].endswith("/topics/flags/api/events")
    listed = await az("eventgrid", "topic", "list", "--odata-query", "name eq 'flags' or name eq 'none'")
    assert [one["name"] for one in listed] == ["flags"]
    keys = await az("eventgrid", "topic", "key", "list", *topic)
    renewed = await az("eventgrid", "topic", "key", "regenerate", *topic, "--key-name", "key2")
    assert (renewed["key1"] == keys["key1"], renewed["key2"] == keys["key2"]) == (True, False)
    changed = await az("eventgrid", "topic", "update", *topic, "--tags", "team=b")
    assert changed["tags"] == {"team": "b"}
    told = await az.refused("eventgrid", "topic", "update", *topic, "--public-network-access", "disabled")
    assert "publicNetworkAccess" in told
    await _subscriptions(az, ("eventgrid", "topic", "event-subscription"), ("--topic-name", "flags", "-g", "local"))
    await az("eventgrid", "topic", "delete", *topic)
    assert "was not found" in await az.refused("eventgrid", "topic", "show", *topic)


async def test_system_topics_with_their_subscriptions(az: Az):
    topic = ("--name", "flags", "--resource-group", "local")
    for one in await az("eventgrid", "system-topic", "list", "--resource-group", "local"):
        await az("eventgrid", "system-topic", "delete", "--name", one["name"], "--resource-group", "local", "--yes")
    made = await az(
        "eventgrid", "system-topic", "create", *topic, "--location", "local", "--tags", "team=a",
        "--topic-type", f"{ML}.Workspaces", "--source", WORKSPACE,
    )  # fmt: skip
    assert made == await az("eventgrid", "system-topic", "show", *topic)
    assert (made["source"], made["topicType"], made["tags"]) == (WORKSPACE, f"{ML}.Workspaces", {"team": "a"})
    changed = await az("eventgrid", "system-topic", "update", *topic, "--tags", "team=b")
    assert changed["tags"] == {"team": "b"}
    place = ("--system-topic-name", "flags", "-g", "local")
    await _subscriptions(az, ("eventgrid", "system-topic", "event-subscription"), place)
    await az("eventgrid", "system-topic", "delete", *topic, "--yes")


async def _subscriptions(az: Az, command: tuple[str, ...], place: tuple[str, ...]) -> None:
    """Create, show, list, update and delete one at a place."""
    made = await az(*command, "create", "--name", "nested", *place, *to("eventhub", f"{HUBS}/nested"), "--labels", "a")
    assert made == await az(*command, "show", "--name", "nested", *place)
    assert [one["name"] for one in await az(*command, "list", *place)] == ["nested"]
    assert (await az(*command, "update", "--name", "nested", *place, "--labels", "b"))["labels"] == ["b"]
    await az(*command, "delete", "--name", "nested", *place, "--yes")
    assert await az(*command, "list", *place) == []


async def test_what_surrounds_event_grid(az: Az):
    assert WORKSPACE in [one["id"] for one in await az("resource", "list")]
    for words in (("--resource-group", "local", "--name", "local"), ("--resource-type", f"{ML}/workspaces")):
        assert [one["id"] for one in await az("resource", "list", *words)] == [WORKSPACE], words
    assert (await az("resource", "show", "--ids", WORKSPACE))["type"] == f"{ML}/workspaces"
    assert [one["name"] for one in await az("group", "list")] == ["local"]
    await az("provider", "unregister", "--namespace", "Microsoft.Logic")
    assert (await az("provider", "show", "--namespace", "Microsoft.Logic"))["registrationState"] == "NotRegistered"
    await az("provider", "register", "--namespace", "Microsoft.Logic")
    assert (await az("provider", "show", "--namespace", "Microsoft.Logic"))["registrationState"] == "Registered"
    kinds = await az("eventgrid", "topic-type", "list")
    assert [one["name"] for one in kinds] == [f"{ML}.Workspaces"]
    assert len(await az("eventgrid", "topic-type", "list-event-types", "--name", f"{ML}.Workspaces")) == 5
