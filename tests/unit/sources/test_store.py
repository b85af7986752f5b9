"""Sources are written, and count once they were read back."""

import pytest

from router.errors import KafkaUnavailableError, NotFoundError, RefusedError
from router.kafka.memory import MemoryProducer
from router.sources.resource_ids import LOCAL_WORKSPACE, custom_topic_id, source_name, workspace_id
from router.sources.store import SourceStore
from router.sources.view import SourcesView
from tests.api.running_api import MemoryFollower
from tests.builders import NOON, WORKSPACE, a_box
from topics import SOURCES


class Store:
    def __init__(self) -> None:
        box = a_box()
        self.producer = MemoryProducer()
        self.sources = SourceStore(
            self.producer, MemoryFollower(self.producer, SOURCES.name, SourcesView(box)), box, lambda: NOON
        )


async def test_a_new_source_has_two_keys_that_find_it():
    store = Store().sources
    source = await store.create(LOCAL_WORKSPACE)
    key1, key2 = store.view.keys(source)
    assert (source.kind, source.name, source.created_at) == ("workspace", "local", NOON)
    assert key1 != key2
    assert store.view.by_key(key1) == store.view.by_key(key2) == source


async def test_keys_are_sealed_on_the_topic():
    store = Store()
    source = await store.sources.create(LOCAL_WORKSPACE)
    written = store.producer.topics[SOURCES.name][0].value
    assert not any(key.encode() in written for key in store.sources.view.keys(source))


async def test_who_creates_again_changes_the_source_and_keeps_its_keys():
    store = Store().sources
    first = await store.create(custom_topic_id("Mine"), input_schema="EventGridSchema")
    second = await store.create(custom_topic_id("MINE"), input_schema="CloudEventSchemaV1_0", tags={"a": "b"})
    assert (second.id, second.name, second.input_schema, second.tags) == (
        first.id,
        "Mine",
        "CloudEventSchemaV1_0",
        {"a": "b"},
    )
    assert store.view.keys(second) == store.view.keys(first)


@pytest.mark.parametrize("key_name", ["key1", "key2"])
async def test_a_regenerated_key_replaces_one_and_leaves_the_other(key_name):
    store = Store().sources
    before = store.view.keys(await store.create(LOCAL_WORKSPACE))
    after = store.view.keys(await store.regenerate(LOCAL_WORKSPACE, key_name))
    assert [name for name in ("key1", "key2") if getattr(before, name) != getattr(after, name)] == [key_name]
    with pytest.raises(NotFoundError):
        await store.regenerate(workspace_id("other"), key_name)


async def test_a_source_is_deleted_once():
    store = Store().sources
    await store.create(LOCAL_WORKSPACE)
    assert await store.delete(LOCAL_WORKSPACE.upper())
    assert not await store.delete(LOCAL_WORKSPACE)
    assert store.view.all() == []


@pytest.mark.parametrize(
    "resource_id",
    [
        "",
        "local",
        WORKSPACE + "/",
        WORKSPACE + "/x",
        workspace_id("a b"),
        workspace_id("x" * 65),
        workspace_id("é"),
        WORKSPACE.replace("workspaces", "others"),
    ],
)
async def test_what_is_no_id_of_a_source_is_refused(resource_id):
    with pytest.raises(RefusedError, match="must be /subscriptions/"):
        await Store().sources.create(resource_id)


async def test_an_id_of_another_kind_is_refused():
    with pytest.raises(RefusedError):
        await Store().sources.create(LOCAL_WORKSPACE, kind="custom-topic")


async def test_without_kafka_nothing_is_made():
    store = Store()
    store.producer.broken = True
    with pytest.raises(KafkaUnavailableError):
        await store.sources.create(LOCAL_WORKSPACE)
    assert store.sources.view.all() == []


def test_ids_are_taken_apart_without_regard_to_case():
    assert source_name(LOCAL_WORKSPACE.upper()) == ("workspace", "LOCAL")
    assert source_name(custom_topic_id("a-1")) == ("custom-topic", "a-1")
