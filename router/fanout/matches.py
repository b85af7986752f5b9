"""How many events each subscription was given, told to the metrics now and then.

With thousands of subscriptions a batch has an event or two for each of hundreds of them; to tell each counter of each
batch costs more than to find out who wants an event.
"""

from collections import Counter
from collections.abc import Mapping

from router.observability.metrics import Metrics


class Matches:
    """Counts by the name of a subscription."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._untold: Counter[str] = Counter()

    def add(self, counts: Mapping[str, int]) -> None:
        """Take note of events that were written."""
        self._untold.update(counts)

    def tell(self) -> None:
        """Add what came since the last time to the metrics."""
        untold, self._untold = self._untold, Counter()
        for name, count in untold.items():
            self._metrics.matched.labels(subscription=name).inc(count)
