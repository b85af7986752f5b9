"""The event of a dead letter: its own bytes, with Event Grid's dead-letter fields added at the end (§5.9)."""

from datetime import datetime

import orjson

from router.delivery.settle import GiveUp
from topics.dead_letters import CLOUD_EVENT_NAMES
from topics.events import EventSchema


def dead_letter_value(
    event: bytes, schema: EventSchema, given_up: GiveUp, *, published: datetime, last_attempt: datetime
) -> bytes:
    """Return `event`, a JSON object, with the fields that say why it was given up."""
    fields = {
        "deadLetterReason": given_up.reason,
        "deliveryAttempts": given_up.attempts,
        "lastDeliveryOutcome": given_up.last_outcome,
        "publishTime": published,
        "lastDeliveryAttemptTime": last_attempt,
    }
    if schema == "CloudEventSchemaV1_0":
        fields = {CLOUD_EVENT_NAMES[name]: value for name, value in fields.items()}
    added = orjson.dumps(fields, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC)
    head = event.rstrip()[:-1].rstrip()
    comma = b"" if head.endswith(b"{") else b","
    return head + comma + added[1:]
