"""A counter that thousands of label values share cheaply: added to a dictionary, and told when it is asked for."""

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class Tally(Collector):
    """Counts by the value of one label.

    An object for each value, as the library's own counters have, is made and locked more dearly than who wants an event
    is found.
    """

    def __init__(self, name: str, help_text: str, label: str, registry: CollectorRegistry) -> None:
        self._name, self._help, self._label = name, help_text, label
        self._counts: Counter[str] = Counter()
        registry.register(self)

    def add(self, counts: Mapping[str, int]) -> None:
        """Count as many as are given for each value."""
        self._counts.update(counts)

    def describe(self) -> Iterator[CounterMetricFamily]:
        """Tell the name alone, for whoever looks for a name that is there twice."""
        yield CounterMetricFamily(self._name, self._help, labels=[self._label])

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Tell what was counted so far."""
        family = CounterMetricFamily(self._name, self._help, labels=[self._label])
        for value, count in self._counts.copy().items():  # a copy: who asks may be another thread
            family.add_metric([value], count)
        yield family
