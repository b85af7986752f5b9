"""Push delivery across restarts, other workers and a Kafka that is gone: nothing is lost, repeats keep their id."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import an_event
from tests.e2e.delivery_world import World, a_world, delivering, is_of
from tests.receivers import a_receiver
from tests.waiting import until
from topics import RETRIES, Delivery

pytestmark = pytest.mark.kafka


@pytest.fixture
async def world(kafka: Any) -> AsyncIterator[World]:
    async with a_world(kafka.bootstrap_servers) as started:
        yield started


async def test_nothing_is_lost_while_kafka_takes_nothing(world):
    async with a_receiver(then=500) as receiver, delivering(world) as agent:
        (owed,) = await world.owe(world.subscribe(receiver.url), an_event())
        world.producer.gone = True
        await receiver.wait_for(1)
        await until(lambda: world.producer.refusals >= 3)
        assert await agent.check() is None
        world.producer.gone = False
        await world.read(RETRIES[timedelta(seconds=10)].name, lambda r: is_of(r, owed))


async def test_what_was_not_settled_is_delivered_again_with_the_same_id(world, monkeypatch):
    monkeypatch.setattr("router.delivery.agent.STOP_SECONDS", 0.2)
    async with a_receiver() as receiver:
        subscription = world.subscribe(receiver.url)
        async with delivering(world):
            (owed,) = await world.owe(subscription, an_event())
            world.producer.gone = True
            await receiver.wait_for(1)
        world.producer.gone = False
        async with delivering(world):
            await receiver.wait_for(2)
            await world.attempts(owed)
    assert [r.headers["webhook-id"] for r in receiver.received] == [owed.delivery_id] * 2


async def test_what_was_settled_is_not_delivered_again_after_a_restart(world):
    async with a_receiver() as receiver:
        subscription = world.subscribe(receiver.url)
        for count in (1, 2):
            async with delivering(world):
                await world.owe(subscription, an_event())
                await receiver.wait_for(count)
    assert len({r.headers["webhook-id"] for r in receiver.received}) == len(receiver.received)


async def test_workers_share_the_partitions_and_hand_them_over(world, monkeypatch):
    # Nobody leaves a group of static members; the others wait until a session ends.
    monkeypatch.setattr("router.kafka.work_queue.SESSION_SECONDS", 6)
    async with a_receiver() as receiver, delivering(world):
        subscriptions = [world.subscribe(receiver.url) for _ in range(8)]
        owed: list[Delivery] = []

        async def owe_each() -> None:
            for subscription in subscriptions:
                owed.extend(await world.owe(subscription, *[an_event(id=str(n)) for n in range(20)]))

        await owe_each()
        async with delivering(world, instance="delivery-tests-2"):
            await owe_each()
            await receiver.wait_for(len(owed))
        await owe_each()
        await until(lambda: {d.delivery_id for d in owed} == {r.headers["webhook-id"] for r in receiver.received}, 50)
