"""The unmodified management SDKs of Azure, Python and Node, against a whole router over TLS; and many subscriptions."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from azure.identity import ClientSecretCredential
from azure.mgmt.eventgrid import EventGridManagementClient
from azure.mgmt.eventgrid import models as sdk

from tests.api.running_api import to_topic
from tests.azure_router import AzureRouter
from tests.node_packages import node_packages, run_node

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]

MANY = 1000
VERSION = {"api-version": "2025-02-15"}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory):
    started = AzureRouter(tmp_path_factory.mktemp("azure"))
    started.start()
    yield started
    started.stop()


@pytest.fixture
def client(running: AzureRouter, monkeypatch: pytest.MonkeyPatch):
    """The management SDK, signed in as a service principal, over TLS."""
    monkeypatch.setenv("no_proxy", "localhost,127.0.0.1")
    credentials = running.credentials
    made = running.principal()
    credential = ClientSecretCredential(
        made["tenant"],
        made["appId"],
        made["password"],
        authority=f"https://localhost:{running.tls_port}",
        disable_instance_discovery=True,
        connection_verify=credentials.ca_file,
    )
    subscription = credentials.workspace.resource_id.split("/")[2]
    with EventGridManagementClient(
        credential,
        subscription,
        base_url=credentials.tls_server,
        connection_verify=credentials.ca_file,
        polling_interval=1,
    ) as started:
        yield started


def hub(name: str) -> sdk.EventHubEventSubscriptionDestination:
    return sdk.EventHubEventSubscriptionDestination(
        resource_id=f"/subscriptions/s/resourceGroups/g/providers/Microsoft.EventHub/namespaces/n/eventhubs/{name}"
    )


def check_subscriptions(operations: Any, place: tuple[str, ...]) -> None:
    """Create, show, list, change and delete one subscription at a place."""
    name = "from-sdk"
    wanted = sdk.EventSubscription(destination=hub("sdk"), labels=["a"])
    made = operations.begin_create_or_update(*place, name, wanted).result()
    assert (made.provisioning_state, made.destination.endpoint_type, made.labels) == ("Succeeded", "EventHub", ["a"])
    assert operations.get(*place, name).id == made.id
    change = sdk.EventSubscriptionUpdateParameters(labels=["b"])
    assert operations.begin_update(*place, name, change).result().labels == ["b"]
    assert operations.get_full_url(*place, name).endpoint_url is None
    operations.begin_delete(*place, name).result()


def test_the_python_sdk_manages_subscriptions_of_a_workspace(running: AzureRouter, client: EventGridManagementClient):
    workspace = running.credentials.workspace.resource_id
    check_subscriptions(client.event_subscriptions, (workspace,))
    one = client.event_subscriptions.begin_create_or_update(
        workspace, "kept", sdk.EventSubscription(destination=hub("k"))
    )
    assert one.result().topic.endswith("/microsoft.machinelearningservices/workspaces/local")
    group, provider, kind, name = "local", "Microsoft.MachineLearningServices", "workspaces", "local"
    listed = client.event_subscriptions.list_by_resource(group, provider, kind, name, top=1)
    assert "kept" in [found.name for found in listed]
    assert "kept" in [found.name for found in client.event_subscriptions.list_global_by_subscription()]
    client.event_subscriptions.begin_delete(workspace, "kept").result()


def test_the_python_sdk_manages_system_topics(running: AzureRouter, client: EventGridManagementClient):
    kind, workspace = "Microsoft.MachineLearningServices.Workspaces", running.credentials.workspace.resource_id
    for one in client.system_topics.list_by_resource_group("local"):
        client.system_topics.begin_delete("local", one.name).result()
    made = client.system_topics.begin_create_or_update(
        "local", "by-sdk", sdk.SystemTopic(location="local", source=workspace, topic_type=kind)
    ).result()
    assert (made.provisioning_state, made.source) == ("Succeeded", workspace)
    check_subscriptions(client.system_topic_event_subscriptions, ("local", "by-sdk"))
    client.system_topics.begin_delete("local", "by-sdk").result()
    assert [found.name for found in client.topic_types.list()] == [kind]
    assert len(list(client.topic_types.list_event_types(kind))) == 5


def test_the_python_sdk_manages_custom_topics(client: EventGridManagementClient):
    made = client.topics.begin_create_or_update("local", "by-sdk", sdk.Topic(location="local")).result()
    assert made.provisioning_state == "Succeeded"
    keys = client.topics.list_shared_access_keys("local", "by-sdk")
    renewed = client.topics.begin_regenerate_key(
        "local", "by-sdk", sdk.TopicRegenerateKeyRequest(key_name="key1")
    ).result()
    assert (renewed.key1 != keys.key1, renewed.key2 == keys.key2) == (True, True)
    check_subscriptions(client.topic_event_subscriptions, ("local", "by-sdk"))
    client.topics.begin_delete("local", "by-sdk").result()


@pytest.mark.slow
@pytest.mark.long
async def test_a_thousand_subscriptions_made_at_once_live_through_a_restart(running: AzureRouter):
    workspace = running.credentials.workspace.resource_id
    path = f"{workspace}/providers/Microsoft.EventGrid/eventSubscriptions"
    names = {f"many-{at:04}" for at in range(MANY)}
    async with connection(running) as http:
        turns = asyncio.Semaphore(50)

        async def create(name: str) -> int:
            async with turns:
                answer = await http.put(f"{path}/{name}", params=VERSION, json={"properties": to_topic("many")})
                return answer.status_code

        assert set(await asyncio.gather(*map(create, names))) == {201}
        assert await listed(http, path) == names
    await asyncio.to_thread(running.stop)
    await asyncio.to_thread(running.start)
    async with connection(running) as http:
        assert await listed(http, path) == names
        event = {"id": "m", "eventType": "Microsoft.MachineLearningServices.RunCompleted", "subject": "s",
                 "eventTime": "2026-01-01T00:00:00Z", "data": {}, "dataVersion": "1"}  # fmt: skip
        assert (await http.post("/api/events", json=[event])).status_code == 200
    consume = ("consume", "many", "--from-beginning", "--max", str(MANY), "--json")
    assert len((await asyncio.to_thread(running.run, *consume)).splitlines()) == MANY


def connection(running: AzureRouter) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        base_url=running.credentials.server,
        headers={"authorization": f"Bearer {running.credentials.admin_token}"},
        trust_env=False,
        timeout=60,
    )


async def listed(http: httpx.AsyncClient, path: str) -> set[str]:
    """The names of the thousand, page by page."""
    found: list[str] = []
    page = (await http.get(path, params=VERSION | {"$top": "100", "$filter": "contains(name, 'many-')"})).json()
    while True:
        assert len(page["value"]) <= 100
        found += [one["name"] for one in page["value"]]
        if page["nextLink"] is None:
            assert len(found) == len(set(found))
            return set(found)
        page = (await http.get(page["nextLink"])).json()


NODE = """
import { EventGridManagementClient } from "@azure/arm-eventgrid";
import { ClientSecretCredential } from "@azure/identity";
const given = JSON.parse(process.env.GIVEN);
const options = { authorityHost: given.server, disableInstanceDiscovery: true };
const credential = new ClientSecretCredential(given.tenant, given.appId, given.password, options);
const client = new EventGridManagementClient(credential, given.subscription, { endpoint: given.server });
const wait = { updateIntervalInMs: 100 };
const hub = "/subscriptions/s/resourceGroups/g/providers/Microsoft.EventHub/namespaces/n/eventhubs/node";
const wanted = { destination: { endpointType: "EventHub", resourceId: hub }, labels: ["a"] };
const subscriptions = client.eventSubscriptions;
const made = await subscriptions.beginCreateOrUpdateAndWait(given.workspace, "from-node", wanted, wait);
const changed = await subscriptions.beginUpdateAndWait(given.workspace, "from-node", { labels: ["b"] }, wait);
const full = await subscriptions.getFullUrl(given.workspace, "from-node");
const names = [];
for await (const one of subscriptions.listGlobalBySubscription()) names.push(one.name);
await subscriptions.beginDeleteAndWait(given.workspace, "from-node", wait);
const topic = await client.topics.beginCreateOrUpdateAndWait("local", "node", { location: "local" }, wait);
const keys = await client.topics.listSharedAccessKeys("local", "node");
await client.topics.beginDeleteAndWait("local", "node", wait);
console.log(JSON.stringify({
  state: made.provisioningState, kind: made.destination.endpointType, labels: changed.labels, listed: names.includes("from-node"),
  url: full.endpointUrl ?? null, topic: topic.provisioningState, key: keys.key1.length,
}));
"""


def test_the_node_sdk_manages_subscriptions_and_topics(running: AzureRouter):
    packages = node_packages("@azure/arm-eventgrid", "@azure/identity")
    credentials = running.credentials
    given = running.principal() | {
        "server": credentials.tls_server,
        "workspace": credentials.workspace.resource_id,
        "subscription": credentials.workspace.resource_id.split("/")[2],
    }
    environment = {"NODE_EXTRA_CA_CERTS": str(credentials.ca_file), "no_proxy": "localhost", "NO_PROXY": "localhost"}
    assert run_node(packages, NODE, GIVEN=json.dumps(given), **environment) == {
        "state": "Succeeded", "kind": "EventHub", "labels": ["b"], "listed": True,
        "url": None, "topic": "Succeeded", "key": 44,
    }  # fmt: skip
