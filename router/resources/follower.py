"""The follower: keeps a process's view of the resources up to date."""

from router.kafka.compacted import CompactedFollower, CompactedReader
from router.resources.view import ResourcesView
from topics import RESOURCES


class ResourcesFollower(CompactedFollower):
    """Reads router.resources from its start, then live; `view` is complete once `start` returns."""

    def __init__(self, bootstrap_servers: str) -> None:
        self.view = ResourcesView()
        super().__init__(CompactedReader(bootstrap_servers, RESOURCES, self.view.apply), "resources")
