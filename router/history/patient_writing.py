"""Files on their way to places that may be unavailable: one that is holds up nobody who writes elsewhere."""

import asyncio
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from router.history.dead_letter_files import DeadLetterFile

log = structlog.get_logger(__name__)

GIVE_UP: Final = timedelta(hours=4)
"""How long a place that cannot be written to is waited for, as Event Grid does (§5.8)."""
FIRST_PAUSE: Final = timedelta(seconds=1)
LONGEST_PAUSE: Final = timedelta(minutes=1)
BYTES_WAITING: Final = 64 * 1024 * 1024

Write = Callable[[DeadLetterFile], None]
"""Writes a file, in a thread; raises whatever its storage raises."""


class _Place:
    """The files that wait for one container, and since when it has not taken any."""

    def __init__(self) -> None:
        self.waiting: deque[tuple[DeadLetterFile, Callable[[], None]]] = deque()
        self.failing_since: datetime | None = None
        self.pause = FIRST_PAUSE
        self.next_try: datetime | None = None


class PatientWriter:
    """Takes files without waiting, and tells when each is written, or given up with its place."""

    def __init__(self, write: Write, now: Callable[[], datetime]) -> None:
        self._write = write
        self._now = now
        self._places: dict[str, _Place] = {}
        self._bytes = 0

    @property
    def is_full(self) -> bool:
        """Whether no more should be given for now."""
        return self._bytes >= BYTES_WAITING

    def put(self, container: str, file: DeadLetterFile, done: Callable[[], None]) -> None:
        """Take a file for a container; `done` is called once nothing is left to do for it."""
        self._places.setdefault(container, _Place()).waiting.append((file, done))
        self._bytes += len(file.content)

    async def write_what_can_be(self) -> None:
        """Write the files of all places, but of those that wait for their next try."""
        for container, place in list(self._places.items()):
            if place.next_try is None or place.next_try <= self._now():
                await self._write_to(place)
            if not place.waiting and place.failing_since is None:
                del self._places[container]

    async def _write_to(self, place: _Place) -> None:
        while place.waiting:
            file, done = place.waiting[0]
            try:
                await asyncio.to_thread(self._write, file)
            except Exception as error:  # noqa: BLE001 (each storage has errors of its own)
                if not self._is_given_up(place, type(error).__name__):
                    return
            else:
                place.failing_since = place.next_try = None
                place.pause = FIRST_PAUSE
            place.waiting.popleft()
            self._bytes -= len(file.content)
            done()

    def _is_given_up(self, place: _Place, error: str) -> bool:
        """Say whether a file is dropped, its place having taken none for so long; if not, it is tried again later."""
        now = self._now()
        if place.failing_since is None:
            place.failing_since = now
        if now - place.failing_since > GIVE_UP:
            log.error("archive.dropped", error=error)
            return True
        log.warning("archive.waiting", error=error, files=len(place.waiting))
        place.next_try = now + place.pause
        place.pause = min(place.pause * 2, LONGEST_PAUSE)
        return False
