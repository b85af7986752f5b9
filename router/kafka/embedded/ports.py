"""Which ports are free on loopback, and who holds one that is not."""

import asyncio
import errno
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

LOOPBACK: Final = "127.0.0.1"
TAKEN: Final = "taken"
POLL_SECONDS: Final = 0.05
_LISTENING: Final = "0A"


def free_port(*, apart_from: int = 0, host: str = LOOPBACK) -> int:
    """Return a port that nobody listens on, other than the given one."""
    while True:
        with socket.socket() as probe:
            probe.bind((host, 0))
            port: int = probe.getsockname()[1]
        if port != apart_from:
            return port


def why_not_free(port: int, host: str = LOOPBACK) -> str | None:
    """Return why nobody can listen on the port, or None when one can."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        # As servers do: connections that linger after their end do not count.
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"{TAKEN} by {owner_of(port) or 'another process'}"
            return error.strerror or str(error)
    return None


async def wait_until_free(port: int, host: str = LOOPBACK, *, seconds: float) -> str | None:
    """Return None once one can listen on the port, or after `seconds` why one cannot."""
    end = time.monotonic() + seconds
    while True:
        why = why_not_free(port, host)
        if why is None or not why.startswith(TAKEN) or time.monotonic() > end:
            return why
        await asyncio.sleep(POLL_SECONDS)


def owner_of(port: int) -> str | None:
    """Return who listens on the port, such as `java (process 4711)`; None where it cannot be known."""
    sockets = {f"socket:[{inode}]" for inode in _listening_inodes(port)}
    if not sockets:
        return None
    for process in Path("/proc").iterdir():
        # Processes end, and those of others may not be looked at.
        with suppress(OSError):
            if process.name.isdigit() and any(str(link.readlink()) in sockets for link in (process / "fd").iterdir()):
                return f"{(process / 'comm').read_text().strip()} (process {process.name})"
    return None


def _listening_inodes(port: int) -> Iterator[str]:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with suppress(OSError):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                    yield fields[9]
