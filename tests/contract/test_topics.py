"""Topics on a real Kafka: made when missing, whatever a list of topics says that is a moment old."""

import uuid

import pytest

from router.errors import RefusedError
from router.kafka.admin import delete_topic, ensure_topics, largest_messages, partition_counts
from tests.waiting import until
from topics import MAX_MESSAGE_BYTES, Topic

pytestmark = pytest.mark.kafka


def a_topic(name=None, partitions=1):
    return Topic(name or f"made-{uuid.uuid4().hex[:8]}", "", "", partitions, "delete", (), ())


async def test_a_topic_that_was_deleted_just_now_is_made_again(kafka):
    topic = a_topic()
    for _ in range(20):
        assert await ensure_topics(kafka.bootstrap_servers, [topic]) == [topic.name]
        assert await ensure_topics(kafka.bootstrap_servers, [topic]) == []
        await delete_topic(kafka.bootstrap_servers, topic.name)


async def test_a_topic_that_was_made_just_now_is_deleted(kafka):
    for _ in range(20):
        topic = a_topic()
        await ensure_topics(kafka.bootstrap_servers, [topic])
        await delete_topic(kafka.bootstrap_servers, topic.name)
        assert await ensure_topics(kafka.bootstrap_servers, [topic]) == [topic.name]


async def test_deleting_what_is_not_there_does_nothing(kafka):
    await delete_topic(kafka.bootstrap_servers, a_topic().name)


async def test_topics_that_exist_are_left_as_they_are_and_one_that_is_refused_is_named(kafka):
    there, other, wrong = a_topic(partitions=2), a_topic(), a_topic("no/such name")
    await ensure_topics(kafka.bootstrap_servers, [there])
    with pytest.raises(RefusedError, match="refuses to make topic no/such name"):
        await ensure_topics(kafka.bootstrap_servers, [a_topic(there.name, partitions=5), other, wrong])

    async def both_are_there():
        found = await partition_counts(kafka.bootstrap_servers)
        return (found.get(there.name), found.get(other.name)) == (2, 1)

    await until(both_are_there)


async def test_what_a_topic_takes_at_most_is_known_and_of_those_that_are_not_there_nothing(kafka):
    topic = a_topic()
    await ensure_topics(kafka.bootstrap_servers, [topic])
    asked = [topic.name, a_topic().name]
    assert await largest_messages(kafka.bootstrap_servers, asked) == {topic.name: MAX_MESSAGE_BYTES}
