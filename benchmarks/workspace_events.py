"""What is routed in the benchmarks: events of a workspace, of about 700 bytes with their headers."""

import orjson

from router.kafka.producer import Message
from topics.events import EVENT_TYPES

WORKSPACE = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/"
    "Microsoft.MachineLearningServices/workspaces/local"
)
TYPES = tuple(kind.name for kind in EVENT_TYPES)
SUBJECTS = "experiments/"
"""What every subject begins with."""


def event(number: int) -> Message:
    """Return an event as ingress writes it; its subject, which is its key, is that of no other event."""
    subject = f"{SUBJECTS}exp-{number % 2000}/runs/run-{number}"
    kind = TYPES[number % len(TYPES)]
    body = {
        "topic": WORKSPACE,
        "subject": subject,
        "eventType": kind,
        "eventTime": "2026-11-24T00:00:00.0000000Z",
        "id": f"bench-{number}",
        "data": {"experimentName": f"exp-{number % 2000}", "runId": f"run-{number}", "pad": "x" * 230},
        "dataVersion": "2",
        "metadataVersion": "1",
    }
    headers = [
        ("content-type", b"application/json; charset=utf-8"),
        ("ce_id", body["id"].encode()),
        ("ce_type", kind.encode()),
        ("ce_source", WORKSPACE.encode()),
        ("ce_subject", subject.encode()),
        ("ce_time", body["eventTime"].encode()),
    ]
    return Message(subject.encode(), orjson.dumps(body), headers)
