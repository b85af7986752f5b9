"""Prometheus metrics of one process; the registry is passed in, so that tests and processes do not share one."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from router.observability import names
from router.observability.tally import Tally

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600, 86400)


class Metrics:
    """The counters, gauges and histograms of `observability.names`."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self.published = self._counter(names.PUBLISHED, "Events accepted and acknowledged (PublishSuccessCount)")
        self.publish_failed = self._counter(
            names.PUBLISH_FAILED, "Publish requests refused or failed (PublishFailCount)", "error"
        )
        self.publish_seconds = self._histogram(names.PUBLISH_SECONDS, "Publish request to answer")
        self.routed = self._counter(names.ROUTED, "Events read from workspace.events and routed")
        self.matched = Tally(
            names.MATCHED, "Events written for a subscription (MatchedEventCount)", "subscription", self.registry
        )
        self.unmatched = self._counter(names.UNMATCHED, "Events that no subscription wants (UnmatchedEventCount)")
        self.unreadable = self._counter(names.UNREADABLE, "Records that could not be read", "topic")
        self.fanout_transactions = self._counter(
            names.FANOUT_TRANSACTIONS, "Fan-out transactions, by outcome: committed, lost", "outcome"
        )
        self.fanout_seconds = self._histogram(
            names.FANOUT_SECONDS, "Age of a batch's oldest record when it is committed"
        )
        self.delivered = self._counter(
            names.DELIVERED, "Deliveries that succeeded (DeliverySuccessCount)", "subscription"
        )
        self.attempts_failed = self._counter(
            names.ATTEMPTS_FAILED, "Delivery attempts that failed (DeliveryAttemptFailCount)", "subscription", "error"
        )
        self.attempt_seconds = self._histogram(
            names.ATTEMPT_SECONDS, "Request to answer of one attempt (DestinationProcessingDurationInMs)"
        )
        self.dead_lettered = self._counter(
            names.DEAD_LETTERED, "Deliveries given up (DeadLetteredCount)", "subscription", "reason"
        )
        self.dropped = self._counter(
            names.DROPPED, "Deliveries of subscriptions that no longer exist (DroppedEventCount)", "reason"
        )
        self.parked = self._counter(
            names.PARKED, "Deliveries put off because their endpoint has more than it can take; no attempt is counted"
        )
        self.in_flight = Gauge(names.IN_FLIGHT, "Requests to endpoints under way", registry=self.registry)
        self.end_to_end_seconds = self._histogram(
            names.END_TO_END_SECONDS, "Publish time to written to a topic, or to delivered to an endpoint", "sink"
        )
        self.consumer_lag = Gauge(
            names.CONSUMER_LAG, "Records not yet read", ["group", "topic", "partition"], registry=self.registry
        )
        self.subscriptions = Gauge(
            names.SUBSCRIPTIONS, "Live subscriptions in this process's view", registry=self.registry
        )

    def text(self) -> bytes:
        """Return all of it in Prometheus's text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str, help_text: str, *labels: str) -> Counter:
        return Counter(name, help_text, labels, registry=self.registry)

    def _histogram(self, name: str, help_text: str, *labels: str) -> Histogram:
        return Histogram(name, help_text, labels, registry=self.registry, buckets=_SECONDS)
