"""The store: a write counts once the own view has it."""

import asyncio

import pytest

from router.errors import ConflictError, KafkaUnavailableError
from router.kafka.memory import MemoryProducer, MemoryWriter
from router.subscriptions.store import SubscriptionStore
from router.subscriptions.view import SubscriptionsView
from tests.builders import a_subscription
from topics import SUBSCRIPTIONS, Subscription


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


def a_store(producer: MemoryProducer, reading: Reading) -> SubscriptionStore:
    return SubscriptionStore(MemoryWriter(producer, SUBSCRIPTIONS.name, reading), reading)


async def test_what_was_written_is_in_the_view_and_what_was_deleted_is_not():
    producer = MemoryProducer()
    store = a_store(producer, Reading(producer))
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
        await a_store(producer, reading).put(a_subscription())


async def test_changes_of_one_subscription_wait_for_one_another_and_others_do_not():
    producer = MemoryProducer()
    store = a_store(producer, Reading(producer))
    order: list[str] = []

    async def change(name: str, turn: asyncio.Event) -> None:
        async def slowly(_stored: Subscription | None) -> None:
            order.append(f"begin {name}")
            await turn.wait()
            order.append(f"end {name}")

        await store.change(name, slowly)

    first, rest = asyncio.Event(), asyncio.Event()
    rest.set()
    running = asyncio.create_task(change("A", first))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(change("a", rest))
    await change("b", rest)
    first.set()
    await asyncio.gather(running, waiting)
    assert order == ["begin A", "begin b", "end b", "end A", "begin a", "end a"]


async def test_a_change_that_came_too_late_is_made_again_on_what_is_there():
    producer = MemoryProducer()
    one, other = a_store(producer, Reading(producer)), a_store(producer, Reading(producer))
    subscription = a_subscription(labels=())
    await one.put(subscription)
    await other.put(a_subscription("another"))
    read: list[tuple[str, ...]] = []

    async def add(store: SubscriptionStore, label: str, stored: Subscription | None) -> None:
        assert stored is not None
        read.append(stored.labels)
        await store.put(stored.model_copy(update={"labels": (*stored.labels, label)}))

    await one.change(subscription.id, lambda stored: add(one, "a", stored))
    await other.change(subscription.id, lambda stored: add(other, "b", stored))
    assert read == [(), (), ("a",)]
    await one.change(subscription.id, lambda stored: add(one, "c", stored))
    assert other.view.get(subscription.id).labels == ("a", "b")
    await other.put(a_subscription("another"))
    assert other.view.get(subscription.id).labels == ("a", "b", "c")


async def test_a_deletion_that_came_too_late_is_decided_again():
    producer = MemoryProducer()
    one, other = a_store(producer, Reading(producer)), a_store(producer, Reading(producer))
    subscription = a_subscription()
    await one.put(subscription)
    await other.put(a_subscription("another"))
    await one.put(subscription.model_copy(update={"labels": ("kept",)}))
    seen: list[tuple[str, ...]] = []

    async def forget(stored: Subscription | None) -> None:
        seen.append(stored.labels)
        await other.delete([stored.id])

    await other.change(subscription.id, forget)
    assert seen == [(), ("kept",)]
    assert other.view.get(subscription.id) is None


async def test_a_change_gives_up_when_somebody_is_always_faster():
    producer = MemoryProducer()
    one, other = a_store(producer, Reading(producer)), a_store(producer, Reading(producer))
    subscription = a_subscription()
    await one.put(subscription)
    await other.put(a_subscription("another"))
    count = 0

    async def too_late(stored: Subscription | None) -> None:
        nonlocal count
        count += 1
        await one.put(subscription.model_copy(update={"labels": (str(count),)}))
        await other.put(stored)

    with pytest.raises(ConflictError, match="all the time"):
        await other.change(subscription.id, too_late)
    assert one.view.get(subscription.id).labels == (str(count),)
