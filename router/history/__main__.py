"""The history process: `python -m router.history`, started by a server and ended by the end of its standard input."""

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

import uvloop

from router.history.archive import DeadLetterArchive
from router.history.consumer import HistoryConsumer
from router.history.options import HistoryOptions
from router.observability.logs import configure_logs
from router.process_memory import collect_rarely

NICENESS: Final = 5
"""It may fall behind under load rather than slow ingress and deliveries down."""


def main() -> int:
    """Read the options from the first line of standard input and run until its end; return the exit code."""
    line = sys.stdin.readline()
    if not line:
        return 0
    options = HistoryOptions.model_validate_json(line)
    configure_logs(options.log_level, options.log_format)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which closes standard input
    collect_rarely()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    return uvloop.run(_run(options))


async def _run(options: HistoryOptions) -> int:
    parent_gone = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, parent_gone.set)
    threading.Thread(target=_wait_for_end, args=(loop, parent_gone.set), daemon=True).start()
    archive = DeadLetterArchive(options, now=_now)
    work = [asyncio.create_task(part.run()) for part in (HistoryConsumer(options, now=_now), archive)]
    told = asyncio.create_task(parent_gone.wait())
    await asyncio.wait({told, *work}, return_when=asyncio.FIRST_COMPLETED)
    for task in (told, *work):
        task.cancel()
    ended = await asyncio.gather(*work, return_exceptions=True)
    crashes = [error for error in ended if isinstance(error, Exception)]
    for error in crashes:
        sys.stderr.write(f"history: {error!r}\n")
    return 1 if crashes else 0


def _wait_for_end(loop: asyncio.AbstractEventLoop, tell: Callable[[], None]) -> None:
    while sys.stdin.readline():
        pass
    loop.call_soon_threadsafe(tell)


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
