"""router.deliveries: one event owed to one push subscription.

The value is the event's bytes. What belongs to the delivery travels in headers, so that a retry or a redrive never
rewrites the event.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from topics.topic import Topic

DELIVERIES = Topic(
    name="router.deliveries",
    key="subscription id",
    value="the event's bytes; the delivery travels in headers",
    partitions=8,
    cleanup="delete",
    # Not the broker's default, which may be shorter than the longest wait.
    retention=timedelta(days=7),
    written_by=("fanout", "retry", "redrive"),
    read_by=("delivery",),
)

Headers = Sequence[tuple[str, bytes]]

DELIVERY_ID: Final = "router-delivery-id"
SUBSCRIPTION: Final = "router-subscription"
ATTEMPT: Final = "router-attempt"
FIRST_PUBLISHED: Final = "router-first-published"
DUE: Final = "router-due"
LAST_OUTCOME: Final = "router-last-outcome"
ROUTER_HEADER_PREFIX: Final = "router-"
OWN_HEADERS: Final = frozenset({DELIVERY_ID, SUBSCRIPTION, ATTEMPT, FIRST_PUBLISHED, DUE, LAST_OUTCOME})
"""The headers that belong to the delivery; all others are the event's."""

MAX_ATTEMPT: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event owed to one subscription; `attempt` counts from 1 and is the number of the attempt to come.

    `due` is set once it has waited in a retry topic, `last_outcome` once an attempt has failed.
    """

    delivery_id: str
    subscription_id: str
    attempt: int
    first_published: datetime
    event: bytes
    event_headers: tuple[tuple[str, bytes], ...]
    due: datetime | None = None
    last_outcome: str | None = None

    def headers(self) -> list[tuple[str, bytes]]:
        """Return the record headers: the event's own, then the delivery's."""
        own = [
            (DELIVERY_ID, self.delivery_id.encode()),
            (SUBSCRIPTION, self.subscription_id.encode()),
            (ATTEMPT, b"%d" % self.attempt),
            (FIRST_PUBLISHED, _milliseconds(self.first_published)),
        ]
        if self.due is not None:
            own.append((DUE, _milliseconds(self.due)))
        if self.last_outcome is not None:
            own.append((LAST_OUTCOME, self.last_outcome.encode()))
        return [*self.event_headers, *own]

    @classmethod
    def from_record(cls, value: bytes, headers: Headers) -> "Delivery":
        """Read a delivery back from a record of this topic or of a retry topic.

        Raises:
            ValueError: a delivery header is missing or is not what it should be.
        """
        own: dict[str, bytes] = {}
        of_event: list[tuple[str, bytes]] = []
        for header in headers:
            if header[0] in OWN_HEADERS:
                if header[1] is not None:  # Kafka has headers without a value; they say nothing
                    own[header[0]] = header[1]
            else:
                of_event.append(header)
        due, last_outcome = own.get(DUE), own.get(LAST_OUTCOME)
        try:
            return cls(
                delivery_id=own[DELIVERY_ID].decode(),
                subscription_id=own[SUBSCRIPTION].decode(),
                attempt=_count(own[ATTEMPT]),
                first_published=_moment(own[FIRST_PUBLISHED]),
                event=value,
                event_headers=tuple(of_event),
                due=None if due is None else _moment(due),
                last_outcome=None if last_outcome is None else last_outcome.decode(),
            )
        except KeyError as missing:
            raise ValueError(f"header {missing.args[0]} is missing") from None
        except (ValueError, OverflowError, OSError):
            raise ValueError("a delivery header cannot be read") from None


def due_of(headers: Headers) -> datetime | None:
    """Return when a record of a retry topic is due; None when it does not say.

    Raises:
        ValueError: it says something else than a moment.
    """
    for name, raw in headers:
        if name == DUE and raw is not None:
            try:
                return _moment(raw)
            except (ValueError, OverflowError, OSError):
                raise ValueError(f"header {DUE} is no moment in milliseconds") from None
    return None


def _count(raw: bytes) -> int:
    number = int(raw)
    if not 1 <= number <= MAX_ATTEMPT:
        raise ValueError("out of range")
    return number


def _milliseconds(moment: datetime) -> bytes:
    return b"%d" % round(moment.timestamp() * 1000)


def _moment(raw: bytes) -> datetime:
    return datetime.fromtimestamp(int(raw) / 1000, UTC)
