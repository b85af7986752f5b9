"""The filters of the fan-out benchmark as a program writes them that knows nothing of the router: type, then prefix."""

from collections import defaultdict
from collections.abc import Iterable

from benchmarks.workspace_events import SUBJECTS, TYPES


class SinkRules:
    """Every sink wants all five types of a subject prefix."""

    def __init__(self, sinks: Iterable[str]) -> None:
        self._by_type: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for sink in sinks:
            for kind in TYPES:
                self._by_type[kind].append((SUBJECTS, sink))

    def wanting(self, kind: str, subject: str) -> list[str]:
        """Return the sinks that want an event."""
        return [sink for prefix, sink in self._by_type.get(kind, ()) if subject.startswith(prefix)]
