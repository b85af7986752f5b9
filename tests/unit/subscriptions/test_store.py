"""The store: a write counts once the own view has it."""

import asyncio

import pytest

from router.errors import KafkaUnavailableError
from router.kafka.memory import MemoryProducer
from router.subscriptions.store import SubscriptionStore
from router.subscriptions.view import SubscriptionsView
from tests.builders import a_subscription
from topics import SUBSCRIPTIONS


class Reading:
    """A follower that applies what the producer has, or is stuck."""

    def __init__(self, producer: MemoryProducer) -> None:
        self.view = SubscriptionsView()
        self.is_stuck = False
        self._producer = producer

    async def wait_for(self, offset: int) -> None:
        if self.is_stuck:
            raise TimeoutError
        for message in self._producer.topics[SUBSCRIPTIONS.name][: offset + 1]:
            self.view.apply(message.key or b"", message.value)


async def test_what_was_written_is_in_the_view_and_what_was_deleted_is_not():
    producer = MemoryProducer()
    store = SubscriptionStore(producer, Reading(producer))
    first, second = a_subscription("first"), a_subscription("second")
    await store.put(first)
    await store.put(second)
    assert store.view.all() == [first, second]
    await store.delete([first.id.upper(), second.id])
    assert store.view.all() == []
    await store.delete([])
    assert [message.key for message in producer.topics[SUBSCRIPTIONS.name]][:2] == [
        message.key for message in producer.topics[SUBSCRIPTIONS.name]
    ][2:]


async def test_a_view_that_does_not_follow_is_an_error_and_no_hang():
    producer = MemoryProducer()
    reading = Reading(producer)
    reading.is_stuck = True
    with pytest.raises(KafkaUnavailableError, match="could not be read back"):
        await SubscriptionStore(producer, reading).put(a_subscription())


async def test_changes_of_one_subscription_wait_for_one_another_and_others_do_not():
    producer = MemoryProducer()
    store = SubscriptionStore(producer, Reading(producer))
    order: list[str] = []

    async def change(name: str, turn: asyncio.Event) -> None:
        async with store.changing(name):
            order.append(f"begin {name}")
            await turn.wait()
            order.append(f"end {name}")

    first, rest = asyncio.Event(), asyncio.Event()
    rest.set()
    running = asyncio.create_task(change("A", first))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(change("a", rest))
    await change("b", rest)
    first.set()
    await asyncio.gather(running, waiting)
    assert order == ["begin A", "begin b", "end b", "end A", "begin a", "end a"]
