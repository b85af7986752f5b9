"""The Node SDK of Azure Event Grid, unmodified, publishes here and cannot tell the difference."""

import asyncio
import json

import pytest

from tests.api.publishing import publishing
from tests.builders import an_access_key
from tests.node_packages import node_packages, run_node

pytestmark = [pytest.mark.npm, pytest.mark.timeout(240)]

SCRIPT = """
import {EventGridPublisherClient, AzureKeyCredential, AzureSASCredential, generateSharedAccessSignature}
  from '@azure/eventgrid'
const {URL_, KEY1, KEY2, CLOUDS, ORDERS} = process.env
const insecure = {allowInsecureConnection: true}
const soon = new Date(Date.now() + 3600000), past = new Date(Date.now() - 3600000)
const url = URL_ + '/api/events'
const sas = async (address, key, until) =>
  new AzureSASCredential(await generateSharedAccessSignature(address, new AzureKeyCredential(key), until))

const grid = [1, 2].map(n => ({
  id: `grid-${n}`, subject: `models/é:${n}`, eventType: 'T', eventTime: new Date('2030-01-01T00:00:00.123Z'),
  dataVersion: '2', data: {n, f: 1.5, s: '\\u2028"\\\\', deep: [{a: null}]}}))
const cloud = [
  {id: 'cloud-1', source: '/me', type: 'T', subject: 's', time: new Date('2030-01-01T00:00:00Z'),
   data: {n: 1}, datacontenttype: 'application/json', dataschema: 'https://x/y', extensionAttributes: {mine: 'x'}},
  {id: 'cloud-2', source: '/me', type: 'T', data: new Uint8Array([0, 255]), datacontenttype: 'application/octet-stream'}]
const custom = [{myId: 'custom-1', kind: 'T', about: 'orders/1', more: {a: [1, 2]}}]

for (const credential of [new AzureKeyCredential(KEY1), new AzureKeyCredential(KEY2), await sas(url, KEY1, soon)]) {
  await new EventGridPublisherClient(url, 'EventGrid', credential, insecure).send(grid)
  await new EventGridPublisherClient(url, 'CloudEvent', credential, insecure).send(cloud)
}
const clouds = URL_ + '/topics/clouds/api/events', orders = URL_ + '/topics/orders/api/events'
await new EventGridPublisherClient(clouds, 'CloudEvent', await sas(clouds, CLOUDS, soon), insecure).send(cloud)
await new EventGridPublisherClient(orders, 'Custom', new AzureKeyCredential(ORDERS), insecure).send(custom)

const errors = []
for (const [address, schema, credential, events] of [
  [url, 'EventGrid', new AzureKeyCredential('d3Jvbmc='), grid],
  [url, 'EventGrid', await sas(url, KEY1, past), grid],
  [clouds, 'EventGrid', new AzureKeyCredential(CLOUDS), grid]]) {
  try {
    await new EventGridPublisherClient(address, schema, credential, insecure).send(events)
  } catch (error) {
    errors.push([error.statusCode, error.code, error.message])
  }
}
console.log(JSON.stringify({errors}))
"""


async def test_all_schemas_and_credentials_of_the_node_sdk():
    packages = await asyncio.to_thread(node_packages, "@azure/eventgrid")
    async with publishing() as endpoint:
        environment = {
            "URL_": endpoint.url,
            "KEY1": an_access_key(),
            "KEY2": an_access_key("local", 2),
            "CLOUDS": an_access_key("clouds"),
            "ORDERS": an_access_key("orders"),
        }
        errors = (await asyncio.to_thread(run_node, packages, SCRIPT, **environment))["errors"]
        stored = [json.loads(message.value) for message in endpoint.messages]
    assert len(stored) == 3 * 4 + 2 + 1
    for events in (stored[0:4], stored[4:8], stored[8:12]):
        check_grid(events[:2])
        check_cloud(events[2:])
    check_cloud(stored[12:14])
    assert (stored[14]["id"], stored[14]["eventType"], stored[14]["subject"]) == ("custom-1", "T", "orders/1")
    assert stored[14]["data"] == {"myId": "custom-1", "kind": "T", "about": "orders/1", "more": {"a": [1, 2]}}
    assert [error[:2] for error in errors] == [[401, "Unauthorized"], [401, "Unauthorized"], [400, "BadRequest"]]
    assert "The token has expired" in errors[1][2]
    assert "'CloudEventV10' schema" in errors[2][2]


def check_grid(events):
    for number, event in enumerate(events, 1):
        assert {name: event[name] for name in ("id", "subject", "eventType", "dataVersion", "data")} == {
            "id": f"grid-{number}",
            "subject": f"models/é:{number}",
            "eventType": "T",
            "dataVersion": "2",
            "data": {"n": number, "f": 1.5, "s": '\u2028"\\', "deep": [{"a": None}]},
        }
        assert event["eventTime"] == "2030-01-01T00:00:00.123Z"


def check_cloud(events):
    first, second = events
    assert first == {
        "specversion": "1.0",
        "id": "cloud-1",
        "source": "/me",
        "type": "T",
        "subject": "s",
        "time": "2030-01-01T00:00:00.000Z",
        "data": {"n": 1},
        "datacontenttype": "application/json",
        "dataschema": "https://x/y",
        "mine": "x",
    }
    assert (second["id"], second["data_base64"]) == ("cloud-2", "AP8=")
