"""Counters by subscription: those of one that is gone must go too, or a process has ever more of them."""

from collections import defaultdict

from prometheus_client import Counter

from topics.subscriptions import Subscription

_Series = tuple[Counter, tuple[str, ...]]
"""A metric, and the values of its labels."""


class SubscriptionCounters:
    """Gives the counters of subscriptions, whose name is the first label, and takes them back.

    Subscriptions of the same name share their counters, which stay until the last of them is forgotten.
    """

    def __init__(self) -> None:
        self._counters: dict[str, dict[_Series, Counter]] = {}
        self._users: defaultdict[_Series, int] = defaultdict(int)

    def of(self, subscription: Subscription, metric: Counter, *labels: str) -> Counter:
        """Return a subscription's counter; `labels` are those after its name."""
        known = self._counters.setdefault(subscription.id, {})
        series = (metric, (subscription.name, *labels))
        counter = known.get(series)
        if counter is None:
            counter = known[series] = metric.labels(*series[1])
            self._users[series] += 1
        return counter

    def known(self) -> list[str]:
        """Return the ids of all subscriptions that have counters."""
        return list(self._counters)

    def forget(self, subscription_id: str) -> None:
        """Drop the counters of a subscription."""
        for series in self._counters.pop(subscription_id, {}):
            self._users[series] -= 1
            if not self._users[series]:
                del self._users[series]
                metric, labels = series
                metric.remove(*labels)
