"""The budget of bytes in memory."""

import asyncio
from contextlib import suppress

import pytest

from router.ingress.byte_budget import ByteBudget


async def hold(budget, size, taken, release, *, seconds=5.0):
    await budget.take(size, seconds)
    try:
        taken.append(size)
        await release.wait()
    finally:
        budget.give_back(size)


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_comes_first_is_served_first():
    budget, taken, release = ByteBudget(10), [], asyncio.Event()
    tasks = [asyncio.create_task(hold(budget, size, taken, release)) for size in (8, 9, 1)]
    await settle()
    assert taken == [8]  # the small one waits behind the large one
    release.set()
    await asyncio.gather(*tasks)
    assert taken == [8, 9, 1]


async def test_waiting_ends_in_time_and_lets_the_next_one_in():
    budget, taken, release = ByteBudget(10), [], asyncio.Event()
    first = asyncio.create_task(hold(budget, 8, taken, release))
    await settle()
    impatient = asyncio.create_task(hold(budget, 9, taken, release, seconds=0.01))
    small = asyncio.create_task(hold(budget, 2, taken, release))
    with pytest.raises(TimeoutError):
        await impatient
    await settle()
    assert taken == [8, 2]
    release.set()
    await asyncio.gather(first, small)


async def test_nothing_is_lost_when_those_who_wait_or_hold_are_cancelled():
    budget, taken, release = ByteBudget(10), [], asyncio.Event()
    tasks = [asyncio.create_task(hold(budget, 7, taken, release)) for _ in range(4)]
    await settle()
    for task in (tasks[1], tasks[0], tasks[2], tasks[3]):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    await budget.take(10, 5.0)
