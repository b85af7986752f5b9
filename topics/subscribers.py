"""subscriber.<name>: the events of one subscription, for any Kafka client to read."""

import re
from datetime import timedelta
from typing import Final

from topics.topic import Topic

PREFIX: Final = "subscriber."
MAX_NAME_LENGTH: Final = 249 - len(PREFIX)
NAME_RULE: Final = f"1 to {MAX_NAME_LENGTH} of the characters A-Z, a-z, 0-9, '.', '_' and '-'"
"""Kafka's own rule for topic names, less the prefix."""

_NAME = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_NAME_LENGTH}}}\Z")

SUBSCRIBER_EVENTS = Topic(
    name=PREFIX + "<name>",
    key="same",
    value="the event in the subscription's delivery schema",
    partitions=4,
    cleanup="delete",
    retention=timedelta(days=7),
    written_by=("fanout",),
    read_by=("stream consumers",),
)


def is_subscriber_name(name: str) -> bool:
    """Say whether `subscriber.<name>` is a topic name that Kafka takes."""
    return _NAME.match(name) is not None


def subscriber_topic(name: str) -> str:
    """Return the topic of the subscriber called `name`."""
    return PREFIX + name
