"""Stopping the workers for a while, to see that the measurement sees it."""

import asyncio
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from router.errors import NotFoundError


async def pause(workers: Iterable[int], seconds: float) -> None:
    """Send SIGSTOP to processes, and SIGCONT after some seconds; one that has ended meanwhile is passed over."""
    _send(workers, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        _send(workers, signal.SIGCONT)


def _send(workers: Iterable[int], number: signal.Signals) -> None:
    for pid in workers:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def workers_of(data_dir: Path) -> list[int]:
    """Return the process ids of the workers of a data directory on this machine.

    Raises:
        NotFoundError: there is none.
    """
    found, data_dir = [], data_dir.resolve()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            here = (entry / "cwd").resolve()
        except OSError:
            continue  # it has ended meanwhile, or is somebody else's
        if "worker" in words and "--data-dir" in words:
            given = Path(words[words.index("--data-dir") + 1])
            if (here / given).resolve() == data_dir:
                found.append(int(entry.name))
    if not found:
        raise NotFoundError(f"no worker of {data_dir} runs on this machine", hint="--pause-worker needs one.")
    return found
