"""Topic: a Kafka topic as data. Who writes it, who reads it, how long it keeps what."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal

MAX_MESSAGE_BYTES = 2 * 1024 * 1024
"""Largest record on a topic that carries events: an event of 1,049,600 bytes, its stamps and headers."""

Cleanup = Literal["delete", "compact"]


@dataclass(frozen=True, slots=True)
class Topic:
    """One topic: its name, what its key and value are, and how Kafka shall keep it."""

    name: str
    key: str
    value: str
    partitions: int
    cleanup: Cleanup
    written_by: tuple[str, ...]
    read_by: tuple[str, ...]
    retention: timedelta | None = None

    def config(self) -> dict[str, str]:
        """Return the topic's settings under Kafka's own names."""
        settings = {"cleanup.policy": self.cleanup, "max.message.bytes": str(MAX_MESSAGE_BYTES)}
        if self.retention is not None:
            settings["retention.ms"] = str(int(self.retention.total_seconds() * 1000))
        return settings

    def with_partitions(self, partitions: int) -> "Topic":
        """Return the same topic with another number of partitions."""
        return replace(self, partitions=partitions)
