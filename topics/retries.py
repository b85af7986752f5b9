"""router.retries.<delay>: deliveries that wait until they are due; one topic for each step of the schedule (§5.1)."""

from datetime import timedelta
from typing import Final

from topics.topic import Topic

DELAYS: Final = (
    timedelta(seconds=10),
    timedelta(seconds=30),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=6),
    timedelta(hours=12),
)
"""Event Grid's schedule; the last step repeats."""

PREFIX: Final = "router.retries."


def _label(delay: timedelta) -> str:
    seconds = int(delay.total_seconds())
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def _retry_topic(delay: timedelta) -> Topic:
    return Topic(
        name=PREFIX + _label(delay),
        key="subscription id",
        value="same as router.deliveries, attempt + 1, due time",
        partitions=4,
        cleanup="delete",
        # Not the broker's default, which may be shorter than the longest wait.
        retention=timedelta(days=7),
        written_by=("delivery",),
        read_by=("retry",),
    )


RETRIES: Final = {delay: _retry_topic(delay) for delay in DELAYS}


def retry_topic_for(wait: timedelta) -> Topic:
    """Return the topic in which a wait of this length is spent: that of the longest delay not above it."""
    return RETRIES[max((delay for delay in DELAYS if delay <= wait), default=DELAYS[0])]
