"""The follower: keeps a process's view of the sources up to date."""

from router.kafka.compacted import CompactedFollower, CompactedReader
from router.secrets import SecretBox
from router.sources.view import SourcesView
from topics import SOURCES


class SourcesFollower(CompactedFollower):
    """Reads router.sources from its start, then live; `view` is complete once `start` returns."""

    def __init__(self, bootstrap_servers: str, box: SecretBox) -> None:
        self.view = SourcesView(box)
        super().__init__(CompactedReader(bootstrap_servers, SOURCES, self.view.apply), "sources")
