"""Being told to stop, which a process may be at any moment, also while it starts."""

import asyncio
import signal
from collections.abc import Awaitable
from typing import TypeVar

Result = TypeVar("Result")


def told_to_stop() -> asyncio.Event:
    """Return what SIGTERM and SIGINT set from now on."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def unless(stopping: asyncio.Event, work: Awaitable[Result]) -> Result | None:
    """Do the work and return what it does; None when the process is told to stop meanwhile, and then the work ends."""
    doing, told = asyncio.ensure_future(work), asyncio.create_task(stopping.wait())
    await asyncio.wait({doing, told}, return_when=asyncio.FIRST_COMPLETED)
    told.cancel()
    if not doing.done():
        doing.cancel()
        await asyncio.wait({doing})
    return None if doing.cancelled() else doing.result()
