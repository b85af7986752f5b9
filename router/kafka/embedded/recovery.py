"""After a kill: takes the leaderships of the dead broker away before it comes back, for the sake of its transactions.

A broker that was killed finds itself as the leader in its metadata, and tries to write the markers of transactions that
were decided but not marked. It cannot reach itself yet. Then it registers, and for a moment its partitions have no
leader. Kafka 4.3.1 takes that for deleted topics and drops the markers (`TransactionMarkerChannelManager`): committed
records stay invisible, and readers wait in these partitions for ever. So a controller is run alone for a second, which
fences the dead broker. The broker then starts without leaderships and gets them all at once.
"""

import asyncio
import re
import struct
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from router.kafka.embedded.configuration import NODE
from router.kafka.embedded.process import POLL_SECONDS, ChildProcess, LogTail
from router.kafka.embedded.storage import log_directory

CLEAN: Final = ".kafka_cleanshutdown"
METADATA: Final = "__cluster_metadata-0"
FENCED: Final = re.compile(rf"Fencing broker {NODE} at epoch (\d+)")
ACTIVE: Final = "Performing controller activation"
START_SECONDS: Final = 60.0
ACTIVE_SECONDS: Final = 5.0
"""A broker that is fenced already is not fenced again: then there is no line to wait for."""


def was_killed(directory: Path) -> bool:
    """Return whether the broker of this directory has run, and did not end in order."""
    logs = log_directory(directory)
    return (logs / METADATA).exists() and not (logs / CLEAN).exists()


async def fence_dead_broker(controller_command: Sequence[str], directory: Path, log_path: Path) -> None:
    """Run a controller until it has fenced the broker; whatever goes wrong here is the broker's to report."""
    said, metadata = LogTail(log_path), MetadataTail(log_directory(directory) / METADATA)
    process = ChildProcess(controller_command, log_path)
    try:
        await _until_fenced(process, said, metadata)
    finally:
        # What is written is written: a stop in order would take a second more.
        process.kill()


class MetadataTail:
    """What is appended to Kafka's metadata log from now on; the controller says what it does before it writes."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._sizes = {path: path.stat().st_size for path in directory.glob("*.log")}

    def has_fenced(self, epoch: int) -> bool:
        """Return whether it is written that the broker of this registration epoch is fenced."""
        fencing = re.compile(re.escape(_fencing_record(epoch)).replace(b"VERSION", rb"[\x00-\x0f]"), re.DOTALL)
        return any(fencing.search(self._appended(path)) for path in self._directory.glob("*.log"))

    def _appended(self, path: Path) -> bytes:
        with path.open("rb") as file:
            file.seek(self._sizes.get(path, 0))
            return file.read()


def _fencing_record(epoch: int) -> bytes:
    """Return a BrokerRegistrationChangeRecord as it is written: frame 1, type 17, version, broker, epoch, fenced."""
    return b"\x01\x11VERSION" + struct.pack(">iq", NODE, epoch) + b"\x01\x00\x01\x01"


async def _until_fenced(process: ChildProcess, said: LogTail, metadata: MetadataTail) -> None:
    end, active = time.monotonic() + START_SECONDS, False
    while process.is_running and time.monotonic() < end:
        text = said.read()
        fenced = FENCED.search(text)
        if fenced and metadata.has_fenced(int(fenced[1])):
            return
        if ACTIVE in text and not active:
            end, active = time.monotonic() + ACTIVE_SECONDS, True
        await asyncio.sleep(POLL_SECONDS)
