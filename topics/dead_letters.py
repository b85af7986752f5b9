"""router.dead-letters: deliveries that were given up; the event with Event Grid's dead-letter fields added (§5.9)."""

from datetime import datetime, timedelta
from typing import Final, Literal

from pydantic import ConfigDict, Field

from topics.record import Record
from topics.topic import Topic

DEAD_LETTERS = Topic(
    name="router.dead-letters",
    key="subscription id",
    value="the event plus deadLetterReason, deliveryAttempts, lastDeliveryOutcome …",
    partitions=4,
    cleanup="delete",
    retention=timedelta(days=30),
    written_by=("delivery",),
    read_by=("history", "operators"),
)

DeadLetterReason = Literal["MaxDeliveryAttemptsExceeded", "TimeToLiveExceeded", "UndeliverableDueToClientError"]
LastDeliveryOutcome = Literal[
    "BadRequest",
    "Unauthorized",
    "Forbidden",
    "NotFound",
    "TimedOut",
    "PayloadTooLarge",
    "Busy",
    "GenericError",
    "SocketError",
    "ResolutionError",
    "Probation",
]

CLOUD_EVENT_NAMES: Final = {
    "deadLetterReason": "deadletterreason",
    "deliveryAttempts": "deliveryattempts",
    "lastDeliveryOutcome": "lastdeliveryoutcome",
    "publishTime": "publishtime",
    "lastDeliveryAttemptTime": "lastdeliveryattempttime",
}
"""Extension attributes of a CloudEvent are lower case."""


class DeadLetter(Record):
    """The fields that are added to the event; the event's own fields stay as they were."""

    model_config = ConfigDict(populate_by_name=True, extra="allow")

    dead_letter_reason: DeadLetterReason = Field(alias="deadLetterReason")
    delivery_attempts: int = Field(alias="deliveryAttempts")
    last_delivery_outcome: LastDeliveryOutcome = Field(alias="lastDeliveryOutcome")
    publish_time: datetime = Field(alias="publishTime")
    last_delivery_attempt_time: datetime = Field(alias="lastDeliveryAttemptTime")
