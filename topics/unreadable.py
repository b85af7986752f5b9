"""router.unreadable: bytes that no stage could read, and why; the flow goes on without them."""

from datetime import timedelta
from typing import Final

from topics.topic import Topic

UNREADABLE = Topic(
    name="router.unreadable",
    key="none",
    value="raw bytes; where from and why in headers",
    partitions=1,
    cleanup="delete",
    retention=timedelta(days=30),
    written_by=("any",),
    read_by=("operators",),
)

ORIGIN_TOPIC: Final = "origin-topic"
ORIGIN_PARTITION: Final = "origin-partition"
ORIGIN_OFFSET: Final = "origin-offset"
REASON: Final = "reason"


def unreadable_headers(topic: str, partition: int, offset: int, reason: str) -> list[tuple[str, bytes]]:
    """Return the headers that say where unreadable bytes stood and why they could not be read."""
    return [
        (ORIGIN_TOPIC, topic.encode()),
        (ORIGIN_PARTITION, b"%d" % partition),
        (ORIGIN_OFFSET, b"%d" % offset),
        (REASON, reason.encode()),
    ]
