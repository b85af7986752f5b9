"""The Node SDK of Azure Event Grid, unmodified, publishes here and cannot tell the difference."""

import asyncio
import json

import pytest

from tests.api.publishing import publishing
from tests.builders import WORKSPACE, an_access_key
from tests.clients.expected import REFUSALS, Endpoints, check
from tests.clients.programs import run_node_client

pytestmark = [pytest.mark.npm, pytest.mark.timeout(240)]


async def test_all_schemas_and_credentials_of_the_node_sdk():
    async with publishing() as endpoint:
        keys = an_access_key(), an_access_key("local", 2), an_access_key("clouds"), an_access_key("orders")
        answer = await asyncio.to_thread(run_node_client, Endpoints(endpoint.url, *keys))
        stored = [json.loads(message.value) for message in endpoint.messages]
    assert answer["errors"] == REFUSALS
    assert len(stored) == 3 * 4 + 2 + 1
    orders = WORKSPACE.replace(
        "Microsoft.MachineLearningServices/workspaces/local", "Microsoft.EventGrid/topics/orders"
    )
    check({event["id"]: event for event in stored}, "node", topic=WORKSPACE, orders=orders)
