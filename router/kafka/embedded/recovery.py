"""After a kill: takes the leaderships of the dead broker away before it comes back, for the sake of its transactions.

A broker that was killed finds itself as the leader in its metadata, and tries to write the markers of transactions that
were decided but not marked. It cannot reach itself yet. Then it registers, and for a moment its partitions have no
leader. Kafka 4.3.1 takes that for deleted topics and drops the markers (`TransactionMarkerChannelManager`): committed
records stay invisible, and readers wait in these partitions for ever. So a controller is run alone for a second, which
fences the dead broker. The broker then starts without leaderships and gets them all at once.
"""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from router.kafka.embedded.process import POLL_SECONDS, ChildProcess, LogTail
from router.kafka.embedded.storage import log_directory

CLEAN: Final = ".kafka_cleanshutdown"
METADATA: Final = "__cluster_metadata-0"
FENCED: Final = "Fencing broker"
ACTIVE: Final = "Performing controller activation"
START_SECONDS: Final = 60.0
ACTIVE_SECONDS: Final = 3.0
"""A broker that never served is not fenced either: then there is no line to wait for."""
STOP_SECONDS: Final = 10.0


def was_killed(directory: Path) -> bool:
    """Return whether the broker of this directory has run, and did not end in order."""
    logs = log_directory(directory)
    return (logs / METADATA).exists() and not (logs / CLEAN).exists()


async def fence_dead_broker(controller_command: Sequence[str], log_path: Path) -> None:
    """Run a controller until it has fenced the broker; whatever goes wrong here is the broker's to report."""
    said = LogTail(log_path)
    process = ChildProcess(controller_command, log_path)
    try:
        await _until_fenced(process, said)
        await process.stop(timeout_seconds=STOP_SECONDS)
    finally:
        process.kill()


async def _until_fenced(process: ChildProcess, said: LogTail) -> None:
    end, active = time.monotonic() + START_SECONDS, False
    while process.is_running and time.monotonic() < end:
        text = said.read()
        if FENCED in text:
            return
        if ACTIVE in text and not active:
            end, active = time.monotonic() + ACTIVE_SECONDS, True
        await asyncio.sleep(POLL_SECONDS)
