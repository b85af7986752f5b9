"""The follower: keeps a process's view of the resources up to date."""

from router.kafka.compacted import CompactedReader
from router.resources.view import ResourcesView
from topics import RESOURCES


class ResourcesFollower:
    """Reads router.resources from its start, then live; `view` is complete once `start` returns."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.view = ResourcesView()
        self._reader = CompactedReader(bootstrap_servers, RESOURCES, self.view.apply)

    async def start(self) -> None:
        """Read all there is, then go on in the background."""
        await self._reader.start()

    async def stop(self) -> None:
        """Stop reading."""
        await self._reader.stop()

    async def wait_for(self, offset: int) -> None:
        """Return once the record at `offset` is in the view.

        Raises:
            TimeoutError: it was not in time.
        """
        await self._reader.wait_for(offset)

    async def check(self) -> str | None:
        """Say what is wrong, for the readiness of the process."""
        return None if self._reader.is_running else "the resources are not read yet"
