"""Being told to stop."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from typing import Final

TERMINATED: Final = 143
"""Exit code of a command that SIGTERM ended before it was done."""


def when_told_to_stop(stop: Callable[[], object], *numbers: signal.Signals) -> None:
    """Call `stop` in the running loop when one of the signals comes, where the platform allows that."""
    loop = asyncio.get_running_loop()
    for number in numbers:
        # Windows has none of this, and other threads than the main one get no signals.
        with suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, stop)
