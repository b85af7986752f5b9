"""The wire contract holds: every example of every version decodes, and the lists are complete."""

import json
from base64 import b64decode
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

import topics
from topics import ALL_TOPICS, EVENT_TYPES, RETRIES, SUBSCRIBER_EVENTS, Topic
from topics.attempts import DeliveryAttempt
from topics.dead_letters import CLOUD_EVENT_NAMES, DeadLetter
from topics.deliveries import ATTEMPT, DELIVERY_ID, DUE, FIRST_PUBLISHED, SUBSCRIPTION, Delivery
from topics.events import CE_ID, CE_SOURCE, CE_SPECVERSION, CE_TYPE, CONTENT_TYPE, CloudEvent, EventGridEvent
from topics.record import Record
from topics.resources import RESOURCE
from topics.retries import DELAYS, retry_topic_for
from topics.samples import sample_events
from topics.sources import Source
from topics.subscriptions import Subscription, subscription_key
from topics.unreadable import ORIGIN_OFFSET, ORIGIN_PARTITION, ORIGIN_TOPIC, REASON

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "topics" / "examples"
OUTSIDERS = {"any", "every process", "history", "management", "operators", "redrive", "stream consumers"}
"""Writers and readers that are no folder of the router; `management` is the API and what calls it."""


def examples_of(*folders: str) -> list[Any]:
    found = [path for folder in folders for path in sorted((EXAMPLES / folder).glob("*.json"))]
    return [pytest.param(path, id=str(path.relative_to(EXAMPLES))) for path in found]


def read_record(path: Path) -> tuple[bytes | None, list[tuple[str, bytes]], bytes]:
    """Return key, headers and value of an example that shows a whole Kafka record."""
    example = json.loads(path.read_text())
    value = b64decode(example["value_base64"]) if "value_base64" in example else json.dumps(example["value"]).encode()
    headers = [(name, text.encode()) for name, text in example["headers"].items()]
    return None if example["key"] is None else example["key"].encode(), headers, value


@pytest.mark.parametrize(
    ("folder", "record"),
    [
        ("router.attempts", DeliveryAttempt),
        ("router.subscriptions", Subscription),
        ("router.sources", Source),
    ],
)
def test_examples_of_a_record_decode_survive_encoding_and_show_every_field(folder: str, record: type[Record]):
    shown: set[str] = set()
    for path in sorted((EXAMPLES / folder).glob("*.json")):
        decoded = record.model_validate_json(path.read_bytes())
        assert record.model_validate_json(decoded.encode()) == decoded
        shown |= {name for name, value in json.loads(path.read_text()).items() if value is not None}
    assert shown == set(record.model_fields)


def test_examples_of_resources_decode_survive_encoding_and_show_every_field():
    for path in sorted((EXAMPLES / "router.resources").glob("*.json")):
        decoded = RESOURCE.validate_json(path.read_bytes())
        assert RESOURCE.validate_json(decoded.encode()) == decoded
        assert json.loads(path.read_text()).keys() == type(decoded).model_fields.keys()


@pytest.mark.parametrize("path", examples_of("workspace.events", "subscriber.name"))
def test_examples_of_events_tell_their_form_in_their_headers(path: Path):
    key, raw_headers, value = read_record(path)
    headers = dict(raw_headers)
    if CE_SPECVERSION in headers:
        assert {CE_ID, CE_TYPE, CE_SOURCE} <= headers.keys()
        assert isinstance(json.loads(value), dict)
        return
    if headers[CONTENT_TYPE].startswith(b"application/cloudevents+json"):
        cloud = CloudEvent.model_validate_json(value)
        told = (cloud.id, cloud.type, cloud.source, cloud.subject)
    else:
        grid = EventGridEvent.model_validate_json(value)
        told = (grid.id, grid.event_type, grid.topic, grid.subject)
    assert told[:3] == tuple(headers[name].decode() for name in (CE_ID, CE_TYPE, CE_SOURCE))
    assert key == str(told[3]).encode()


@pytest.mark.parametrize("path", examples_of("router.deliveries", "router.retries.delay"))
def test_examples_of_deliveries_decode_and_give_the_same_headers_again(path: Path):
    key, headers, value = read_record(path)
    delivery = Delivery.from_record(value, headers)
    assert delivery.headers() == headers
    assert key == subscription_key(delivery.subscription_id)
    assert (delivery.due is not None) == (delivery.attempt > 1)


@pytest.mark.parametrize("missing", [DELIVERY_ID, SUBSCRIPTION, ATTEMPT, FIRST_PUBLISHED])
def test_a_delivery_without_one_of_its_headers_is_refused_by_name(missing: str):
    _, headers, value = read_record(EXAMPLES / "router.deliveries" / "event-grid.json")
    with pytest.raises(ValueError, match=f"header {missing} is missing"):
        Delivery.from_record(value, [header for header in headers if header[0] != missing])


def test_a_due_time_keeps_its_milliseconds():
    _, headers, value = read_record(EXAMPLES / "router.retries.delay" / "second-attempt.json")
    late = [(name, b"1761000010123" if name == DUE else text) for name, text in headers]
    assert Delivery.from_record(value, late).headers() == late


@pytest.mark.parametrize("path", examples_of("router.dead-letters"))
def test_examples_of_dead_letters_are_the_event_with_the_reasons_added(path: Path):
    _, headers, value = read_record(path)
    members = json.loads(value)
    if dict(headers)[CONTENT_TYPE].startswith(b"application/cloudevents+json"):
        CloudEvent.model_validate_json(value)
        members = {name: members[lower_case] for name, lower_case in CLOUD_EVENT_NAMES.items()}
    else:
        EventGridEvent.model_validate_json(value)
    assert DeadLetter.model_validate(members).delivery_attempts >= 1


@pytest.mark.parametrize("path", examples_of("router.unreadable"))
def test_examples_of_the_unreadable_say_where_from_and_why(path: Path):
    _, headers, value = read_record(path)
    assert [name for name, _ in headers] == [ORIGIN_TOPIC, ORIGIN_PARTITION, ORIGIN_OFFSET, REASON]
    with pytest.raises(UnicodeDecodeError):
        value.decode()


@pytest.mark.parametrize("schema", ["EventGridSchema", "CloudEventSchemaV1_0"])
def test_the_recorded_events_cover_the_five_types_in_both_schemas(schema: Any):
    events = sample_events(schema)
    model, name = (EventGridEvent, "event_type") if schema == "EventGridSchema" else (CloudEvent, "type")
    assert {getattr(model.model_validate_json(event), name) for event in events} == {kind.name for kind in EVENT_TYPES}
    assert not any(b"\n" in event for event in events)


def test_the_recorded_events_keep_the_digits_of_their_numbers():
    drift = next(event for event in sample_events("CloudEventSchemaV1_0") if b"DatasetDriftDetected" in event)
    assert b"0.83503490684792081" in drift


def test_every_topic_has_examples_and_every_example_a_topic():
    folders = {entry.name for entry in EXAMPLES.iterdir()} - {"events"}
    general = {topic.name for topic in ALL_TOPICS if not topic.name.startswith("router.retries.")}
    assert folders == general | {"router.retries.delay", "subscriber.name"}
    assert all(any((EXAMPLES / folder).glob("*.json")) for folder in folders)


def test_the_examples_travel_with_the_installed_package():
    assert files("topics").joinpath("examples", "events").is_dir()


def test_all_lists_what_the_package_offers():
    public = {name for name in vars(topics) if not name.startswith("_") and name not in submodules()}
    assert public == set(topics.__all__)


def submodules() -> set[str]:
    return {path.stem for path in (ROOT / "topics").glob("*.py")}


def test_all_topics_lists_every_topic_that_a_module_declares():
    declared = {
        value.name
        for name in submodules() - {"__init__"}
        for value in vars(import_module(f"topics.{name}")).values()
        if isinstance(value, Topic)
    }
    retries = {topic.name for topic in RETRIES.values()}
    assert declared | retries == {topic.name for topic in (*ALL_TOPICS, SUBSCRIBER_EVENTS)}


@pytest.mark.parametrize("topic", [*ALL_TOPICS, SUBSCRIBER_EVENTS], ids=lambda topic: topic.name)
def test_writers_and_readers_are_folders_or_documented_outsiders(topic: Topic):
    folders = {path.name for path in (ROOT / "router").iterdir() if path.is_dir()}
    assert {*topic.written_by, *topic.read_by} <= folders | OUTSIDERS


def test_a_wait_is_spent_in_the_longest_delay_not_above_it():
    assert [retry_topic_for(delay).name.removeprefix("router.retries.") for delay in DELAYS] == [
        "10s", "30s", "1m", "5m", "10m", "30m", "1h", "3h", "6h", "12h",
    ]  # fmt: skip
    assert retry_topic_for(DELAYS[0] / 2).name == "router.retries.10s"
    assert retry_topic_for(DELAYS[-1] * 2).name == "router.retries.12h"
