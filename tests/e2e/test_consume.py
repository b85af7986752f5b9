"""`router consume` and `router topics` on a real Kafka."""

import json
import re
import signal
import subprocess
import sys
import uuid
from dataclasses import replace

import pytest

from router.kafka.admin import ensure_topics
from router.kafka.producer import KafkaProducer, Message
from tests.builders import a_cloud_event, an_event, as_bytes, event_headers
from tests.command_line import router
from topics import SUBSCRIBER_EVENTS

pytestmark = pytest.mark.kafka


async def a_topic_with(kafka, *events):
    name = f"t{uuid.uuid4().hex[:12]}"
    topic = replace(SUBSCRIBER_EVENTS, name=f"subscriber.{name}")
    await ensure_topics(kafka.bootstrap_servers, [topic])
    producer = KafkaProducer(kafka.bootstrap_servers)
    await producer.start()
    try:
        await producer.send_all(
            topic.name, [Message(b"key", as_bytes(event), event_headers(event)) for event in events]
        )
    finally:
        await producer.stop()
    return name


async def test_consume_prints_one_json_document_an_event(kafka):
    events = [an_event(id="1"), a_cloud_event(id="2"), an_event(id="3")]
    name = await a_topic_with(kafka, *events)
    where = ["--bootstrap-servers", kafka.bootstrap_servers]
    done = await router("consume", name, "--from-beginning", "--max", "3", "--json", *where)
    assert done.code == 0, done.err
    assert [json.loads(line) for line in done.out.splitlines()] == events

    two = await router("consume", f"subscriber.{name}", "--from-beginning", "--max", "2", "--with-metadata", *where)
    records = [json.loads(line) for line in two.out.splitlines()]
    assert [record["event"] for record in records] == events[:2]
    assert {record["key"] for record in records} == {"key"}

    read = await router("consume", name, "--from-beginning", "--timeout", "0.5", *where)
    assert (read.code, len(read.out.splitlines())) == (0, 3)
    new = await router("consume", name, "--timeout", "0.3", *where)
    assert (new.code, new.out) == (0, "")


async def test_consume_names_topics_that_may_have_been_meant(kafka):
    name = await a_topic_with(kafka)
    done = await router("consume", name[:-1], "--bootstrap-servers", kafka.bootstrap_servers)
    assert done.code == 1
    assert f"there is no topic subscriber.{name[:-1]}" in done.err
    assert f"subscriber.{name}" in done.err


async def test_topics_are_made_once_and_listed(kafka):
    where = ["--bootstrap-servers", kafka.bootstrap_servers, "--json"]
    await router("topics", "create", *where)
    again = json.loads((await router("topics", "create", *where)).out)
    assert again["created"] == []
    listed = {topic["name"]: topic for topic in json.loads((await router("topics", "list", *where)).out)}
    assert all(listed[name]["exists"] for name in again["existing"])
    assert listed["router.dead-letters"]["retention_ms"] == 30 * 24 * 3600 * 1000
    assert listed["router.subscriptions"]["cleanup"] == "compact"


async def test_a_broker_that_does_not_answer_is_named():
    for command in (["topics", "list"], ["consume", "anything"]):
        done = await router(*command, "--bootstrap-servers", "127.0.0.1:1")
        assert done.code == 1
        assert re.match(r"error: no Kafka answers at 127\.0\.0\.1:1\nhint: ", done.err)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_consume_ends_quietly_when_told_to_stop(kafka, number):
    name = await a_topic_with(kafka, an_event())
    with subprocess.Popen(  # noqa: ASYNC220 (nothing else runs in this test's loop)
        [
            sys.executable,
            "-m",
            "router",
            "consume",
            name,
            "--from-beginning",
            "--bootstrap-servers",
            kafka.bootstrap_servers,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert "ModelRegistered" in process.stdout.readline()
        process.send_signal(number)
        assert process.communicate() == ("", "")
    assert process.returncode == 0
