"""Waiting with a limit."""

import asyncio

import pytest

from router.ingress.patience import Within


class Work:
    """Waits for as many events as it is asked to; tells whether it cleared up behind itself."""

    def __init__(self, waits: int) -> None:
        self.events = [asyncio.Event() for _ in range(waits)]
        self.is_cleared = False

    async def do(self):
        try:
            for event in self.events:
                await event.wait()
            return "done"
        finally:
            self.is_cleared = True


async def settle():
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_is_there_already_is_returned_without_a_turn_of_the_loop():
    waiting = Within(0, Work(0).do()).__await__()
    with pytest.raises(StopIteration) as done:
        next(waiting)
    assert done.value.value == "done"


@pytest.mark.parametrize("waits", [1, 3])
async def test_what_comes_in_time_is_returned(waits):
    async def patient():
        return await Within(5, work.do())

    work = Work(waits)
    task = asyncio.create_task(patient())
    for event in work.events:
        await settle()
        assert not task.done()
        event.set()
    assert await task == "done"


@pytest.mark.parametrize("waits", [1, 2])
async def test_what_does_not_come_in_time_is_given_up(waits):
    work = Work(waits)
    for event in work.events[:-1]:
        asyncio.get_running_loop().call_soon(event.set)
    with pytest.raises(TimeoutError):
        await Within(0.01, work.do())
    assert work.is_cleared


async def test_an_error_is_passed_on_from_the_first_step_and_from_a_later_one():
    async def broken(event):
        await event.wait()
        raise ZeroDivisionError

    is_set, is_not = asyncio.Event(), asyncio.Event()
    is_set.set()
    asyncio.get_running_loop().call_soon(is_not.set)
    for event in (is_set, is_not):
        with pytest.raises(ZeroDivisionError):
            await Within(5, broken(event))


@pytest.mark.parametrize("waits", [1, 2])
async def test_whoever_is_cancelled_is_not_told_of_a_timeout(waits):
    async def patient():
        await Within(5, work.do())

    work = Work(waits)
    task = asyncio.create_task(patient())
    for event in work.events[:-1]:
        await settle()
        event.set()
    await settle()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.is_cleared
