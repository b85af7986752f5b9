"""Waiting for a condition instead of for some time."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from inspect import isawaitable


async def until(
    condition: Callable[[], bool | Awaitable[bool]], seconds: float = 20.0, look_seconds: float = 0.01
) -> None:
    """Return once the condition holds, which is asked every `look_seconds`; fail when it does not within `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            answer = condition()
            if await answer if isawaitable(answer) else answer:
                return
            await asyncio.sleep(look_seconds)


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
