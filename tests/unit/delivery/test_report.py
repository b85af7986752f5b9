"""What the delivery stage tells operators, by subscription; and that it forgets those that are gone."""

import pytest

from router.delivery.report import Report
from router.delivery.settle import GiveUp
from router.delivery.standing import Deliver
from router.handlers.outcome import Delivered, Failed
from router.observability import names
from router.observability.metrics import Metrics
from tests.builders import NOON, WORKSPACE, a_delivery, a_subscription, a_webhook
from topics.subscriptions import Subscription

ANOTHER_WORKSPACE = WORKSPACE.replace("/local", "/another")
GAVE_UP = GiveUp("MaxDeliveryAttemptsExceeded", 30, "Busy")


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def report(metrics: Metrics) -> Report:
    return Report(metrics, "router-delivery")


def to_a_webhook(name: str, source: str = WORKSPACE) -> Subscription:
    """A subscription of a source with a webhook."""
    return a_subscription(name, id=f"{source}/eventSubscriptions/{name}", source=source, sink=a_webhook())


def an_attempt_of_each_kind(report: Report, subscription: Subscription) -> None:
    """One that succeeded, one that failed, and a dead letter."""
    wanted = Deliver(subscription, a_webhook())
    report.attempted(a_delivery(), wanted, Delivered(200, 1.0), NOON)
    report.attempted(a_delivery(), wanted, Failed(429, "Busy", 1.0), NOON)
    report.dead(a_delivery(), subscription, GAVE_UP)


def told(metrics: Metrics, subscription: str) -> list[float | None]:
    """The counters of a subscription: delivered, attempts that failed, dead letters."""
    value = metrics.registry.get_sample_value
    return [
        value(names.DELIVERED, {"subscription": subscription}),
        value(names.ATTEMPTS_FAILED, {"subscription": subscription, "error": "Busy"}),
        value(names.DEAD_LETTERED, {"subscription": subscription, "reason": "MaxDeliveryAttemptsExceeded"}),
    ]


def test_attempts_and_dead_letters_are_counted_by_subscription(metrics, report):
    an_attempt_of_each_kind(report, to_a_webhook("alerts"))
    an_attempt_of_each_kind(report, to_a_webhook("alerts"))
    an_attempt_of_each_kind(report, to_a_webhook("runs"))
    assert (told(metrics, "alerts"), told(metrics, "runs")) == ([2, 2, 2], [1, 1, 1])


def test_the_counters_of_a_subscription_that_is_gone_are_dropped(metrics, report):
    gone, stays = to_a_webhook("alerts"), to_a_webhook("runs")
    for one in (gone, stays):
        an_attempt_of_each_kind(report, one)
    assert len(list(report.forget(lambda one: one == gone.id))) == 2
    assert (told(metrics, "alerts"), told(metrics, "runs")) == ([None] * 3, [1, 1, 1])
    assert b'"alerts"' not in metrics.text()


def test_subscriptions_of_the_same_name_share_counters_until_the_last_is_gone(metrics, report):
    first, second = to_a_webhook("alerts"), to_a_webhook("alerts", ANOTHER_WORKSPACE)
    for one in (first, second):
        an_attempt_of_each_kind(report, one)
    list(report.forget(lambda one: one == first.id))
    assert told(metrics, "alerts") == [2, 2, 2]
    list(report.forget(lambda one: one == second.id))
    assert told(metrics, "alerts") == [None] * 3


def test_one_that_is_made_anew_is_counted_from_the_beginning(metrics, report):
    subscription = to_a_webhook("alerts")
    an_attempt_of_each_kind(report, subscription)
    list(report.forget(lambda _one: True))
    an_attempt_of_each_kind(report, subscription)
    assert told(metrics, "alerts") == [1, 1, 1]
