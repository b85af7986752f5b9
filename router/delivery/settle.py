"""What follows from an attempt: nothing more, another attempt, or a dead letter. Pure; the clock is passed in."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from router.delivery.retry_policy import delay_after
from router.handlers.outcome import Delivered, Failed, Outcome, Rejected
from topics.dead_letters import DeadLetterReason, LastDeliveryOutcome
from topics.deliveries import Delivery
from topics.retries import DELAYS
from topics.subscriptions import RetryPolicy

_END_OF_TIME: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Done:
    """The endpoint has the event."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Another attempt, due when `delivery` says; `wait` from now."""

    delivery: Delivery
    wait: timedelta


@dataclass(frozen=True, slots=True)
class GiveUp:
    """No more attempts: a dead letter (§5.8)."""

    reason: DeadLetterReason
    attempts: int
    last_outcome: LastDeliveryOutcome


Settlement = Done | TryAgain | GiveUp


def settle(
    delivery: Delivery, outcome: Outcome, policy: RetryPolicy, now: datetime, random_fraction: float
) -> Settlement:
    """Decide what follows from the outcome of an attempt that ended at `now`.

    Whichever limit is reached first counts; the time to live is looked at when the next attempt would be due (§5.3).
    """
    match outcome:
        case Delivered():
            return Done()
        case Rejected():
            return GiveUp("UndeliverableDueToClientError", delivery.attempt, outcome.last_outcome)
        case Failed():
            return _after_failure(delivery, outcome, policy, now, random_fraction)


def is_expired(delivery: Delivery, policy: RetryPolicy, now: datetime) -> bool:
    """Say whether a delivery that has waited may not be tried any more; a first attempt is always made (§5.3)."""
    return delivery.due is not None and now > _end_of_life(delivery, policy)


def within_life(wait: timedelta, delivery: Delivery, policy: RetryPolicy, now: datetime) -> timedelta:
    """Return a wait, cut so that a delivery is back for a last time before its life ends, and when it does."""
    left = _end_of_life(delivery, policy) - now
    return min(wait, max(left - DELAYS[0], DELAYS[0]))


def _after_failure(
    delivery: Delivery, failed: Failed, policy: RetryPolicy, now: datetime, random_fraction: float
) -> Settlement:
    if delivery.attempt >= policy.max_delivery_attempts:
        return GiveUp("MaxDeliveryAttemptsExceeded", delivery.attempt, failed.last_outcome)
    wait = delay_after(
        delivery.attempt, status=failed.status, retry_after=failed.retry_after, random_fraction=random_fraction
    )
    due = now + wait
    if due > _end_of_life(delivery, policy):
        return GiveUp("TimeToLiveExceeded", delivery.attempt, failed.last_outcome)
    again = replace(delivery, attempt=delivery.attempt + 1, due=due, last_outcome=failed.last_outcome)
    return TryAgain(again, wait)


def _end_of_life(delivery: Delivery, policy: RetryPolicy) -> datetime:
    try:
        return delivery.first_published + timedelta(minutes=policy.event_time_to_live_minutes)
    except OverflowError:  # the clock of whoever published it is thousands of years ahead
        return _END_OF_TIME
