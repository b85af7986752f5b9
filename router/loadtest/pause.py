"""Stopping the workers for a while, to see that the measurement sees it."""

import asyncio
import os
import signal
from pathlib import Path

from router.errors import NotFoundError


async def pause_workers(data_dir: Path, seconds: float) -> None:
    """Send SIGSTOP to the worker processes of a data directory, and SIGCONT after some seconds.

    Raises:
        NotFoundError: none runs on this machine.
    """
    workers = _workers(data_dir)
    if not workers:
        raise NotFoundError(f"no worker of {data_dir} runs on this machine", hint="--pause-worker needs one.")
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)


def _workers(data_dir: Path) -> list[int]:
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
    return found
