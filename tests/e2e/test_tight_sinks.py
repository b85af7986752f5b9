"""Sinks whose topics somebody else has made, and made smaller than events are."""

import asyncio
import json

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from router.kafka.producer import Message
from tests.builders import an_event, as_bytes, event_headers
from tests.e2e.test_fanout import world  # noqa: F401 (a fixture)

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(400)]


def take_at_most(bootstrap_servers, topic, limit):
    entry = ConfigEntry("max.message.bytes", str(limit), incremental_operation=AlterConfigOpType.SET)
    asked = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})  # one that nobody holds ends before it has asked
    for answer in admin.incremental_alter_configs([asked]).values():
        answer.result(30)


@pytest.mark.parametrize("guarantee", ["effectively_once", "at_least_once"])
async def test_what_one_sink_does_not_take_is_put_aside_and_stops_neither_it_nor_others(world, guarantee):  # noqa: F811
    tight, wide = await world.subscribe("tight"), await world.subscribe("wide")
    take_at_most(world.bootstrap_servers, tight, 20_000)
    event = an_event(id=f"{world.run}-large", data={"text": "x" * 30_000})
    large = Message(b"models/m-1", as_bytes(event), event_headers(event))
    await world.producer.send_all("workspace.events", [large])
    await world.publish(0, 400)  # together more than the topic takes in one batch
    worker = await world.worker(guarantee=guarantee).ready()
    everything = world.expected(400) + type(world.expected(0))([f"{world.run}-large"])
    if guarantee == "effectively_once":
        assert await world.ids(wide, 401) == everything
        assert await world.ids(tight, 400) == world.expected(400)
    else:
        assert (await world.ids(wide, 401)).keys() == everything.keys()
        assert (await world.ids(tight, 400)).keys() == world.expected(400).keys()
    aside = await asyncio.to_thread(world.read, "router.unreadable", 1)
    assert {json.loads(message.value())["id"] for message in aside} == {f"{world.run}-large"}
    assert f"larger than the 20000 bytes that topic {tight} takes".encode() in dict(aside[0].headers())["reason"]
    await worker.ready()
    assert worker.terminate() == 0
