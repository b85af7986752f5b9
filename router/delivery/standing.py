"""Whether a delivery may be made now, given what its subscription is by now. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from topics.deliveries import Delivery
from topics.subscriptions import PushSink, Subscription

VIEW_DELAY: Final = timedelta(seconds=10)
"""A subscription that is not known may be so new that this process has not heard of it yet; older ones are gone."""

DropReason = Literal["subscription_deleted", "subscription_expired", "subscription_failed", "sink_changed"]


@dataclass(frozen=True, slots=True)
class Deliver:
    """Its endpoint wants it."""

    subscription: Subscription
    sink: PushSink


@dataclass(frozen=True, slots=True)
class Wait:
    """It is not yet known what becomes of the subscription."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Nobody wants it any more."""

    reason: DropReason


Standing = Deliver | Wait | Drop


def standing_of(subscription: Subscription | None, delivery: Delivery, *, written: datetime, now: datetime) -> Standing:
    """Say what becomes of a delivery whose record was written at `written`."""
    if subscription is None:
        is_new = delivery.due is None and now - written < VIEW_DELAY
        return Wait() if is_new else Drop("subscription_deleted")
    if subscription.expiration is not None and subscription.expiration <= now:
        return Drop("subscription_expired")
    if not isinstance(subscription.sink, PushSink):
        return Drop("sink_changed")
    if subscription.is_live:
        return Deliver(subscription, subscription.sink)
    if subscription.provisioning_state in ("Creating", "AwaitingManualAction"):
        return Wait()
    return Drop("subscription_deleted" if subscription.provisioning_state == "Deleting" else "subscription_failed")
