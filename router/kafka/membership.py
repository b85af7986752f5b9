"""Membership of consumer groups."""

from typing import Any


def leave_when_stopped(consumer: Any) -> None:  # noqa: ANN401 (aiokafka is untyped)
    """Make a consumer with a place of its own in its group (static membership) give it up when it stops.

    Kafka lets a member leave by its id whether it is static or not; aiokafka asks for it only when it is not.
    """
    if consumer is not None and consumer._coordinator is not None:  # noqa: SLF001 (guarded by a contract test)
        consumer._coordinator._group_instance_id = None  # noqa: SLF001
