"""What the delivery stage tells operators: metrics, and one line for each attempt that did not end well."""

from collections.abc import Callable, Iterator
from datetime import datetime

import structlog
from prometheus_client import Histogram

from router.delivery.counters import SubscriptionCounters
from router.delivery.settle import GiveUp
from router.delivery.standing import Deliver, DropReason
from router.handlers.outcome import Delivered, Failed, Outcome, Rejected
from router.observability.metrics import Metrics
from topics.deliveries import Delivery
from topics.subscriptions import Subscription

log = structlog.get_logger(__name__)


class Report:
    """Counts and logs. Event ids and answers are text of strangers, so lines carry only the delivery's own id."""

    def __init__(self, metrics: Metrics, group: str) -> None:
        self._metrics = metrics
        self._group = group
        self._counters = SubscriptionCounters()
        self._end_to_end: dict[str, Histogram] = {}

    def attempted(self, delivery: Delivery, wanted: Deliver, outcome: Outcome, ended: datetime) -> None:
        """Report an attempt; one that succeeded is logged at level debug, as there may be thousands in a second."""
        metrics, subscription = self._metrics, wanted.subscription
        metrics.attempt_seconds.observe(outcome.duration_ms / 1000)
        match outcome:
            case Delivered(status, duration_ms):
                self._counters.of(subscription, metrics.delivered).inc()
                age = (ended - delivery.first_published).total_seconds()
                self._end_to_end_of(wanted.sink.kind).observe(max(0.0, age))
                log.debug(
                    "delivery.attempted",
                    outcome="delivered",
                    delivery_id=delivery.delivery_id,
                    subscription=subscription.name,
                    attempt=delivery.attempt,
                    status=status,
                    duration_ms=duration_ms,
                )
            case Failed(last_outcome=why) | Rejected(last_outcome=why):
                self._counters.of(subscription, metrics.attempts_failed, why).inc()
                log.info(
                    "delivery.attempted",
                    outcome="failed" if isinstance(outcome, Failed) else "rejected",
                    delivery_id=delivery.delivery_id,
                    subscription=subscription.name,
                    attempt=delivery.attempt,
                    status=outcome.status,
                    duration_ms=outcome.duration_ms,
                    last_outcome=why,
                    endpoint=wanted.sink.where,
                )

    def _end_to_end_of(self, kind: str) -> Histogram:
        found = self._end_to_end.get(kind)
        if found is None:
            found = self._end_to_end[kind] = self._metrics.end_to_end_seconds.labels(kind)
        return found

    def forget(self, is_gone: Callable[[str], bool]) -> Iterator[None]:
        """Drop the counters of subscriptions that are gone; pauses after each subscription that it looked at."""
        for subscription_id in self._counters.known():
            if is_gone(subscription_id):
                self._counters.forget(subscription_id)
            yield

    def dead(self, delivery: Delivery, subscription: Subscription, given_up: GiveUp) -> None:
        """Report a dead letter."""
        self._counters.of(subscription, self._metrics.dead_lettered, given_up.reason).inc()
        log.warning(
            "delivery.dead",
            delivery_id=delivery.delivery_id,
            subscription=subscription.name,
            reason=given_up.reason,
            attempts=given_up.attempts,
            last_outcome=given_up.last_outcome,
        )

    def dropped(self, delivery: Delivery, reason: DropReason) -> None:
        """Report a delivery that nobody wants any more."""
        self._metrics.dropped.labels(reason).inc()
        log.debug("delivery.dropped", delivery_id=delivery.delivery_id, reason=reason)

    def parked(self) -> None:
        """Report a delivery that waits without an attempt, its endpoint having more than it can take."""
        self._metrics.parked.inc()

    def unreadable(self, topic: str, partition: int, offset: int, reason: str) -> None:
        """Report a record that cannot be read."""
        self._metrics.unreadable.labels(topic).inc()
        log.warning("delivery.unreadable", topic=topic, partition=partition, offset=offset, reason=reason)

    def in_flight(self, number: int) -> None:
        """Report how many attempts are under way."""
        self._metrics.in_flight.set(number)

    def lag(self, topic: str, partition: int, records: int) -> None:
        """Report how many records of a partition are not finished."""
        self._metrics.consumer_lag.labels(self._group, topic, str(partition)).set(records)
