"""The files that Event Grid would write for dead letters: which, where, and what stands in them (§5.8, §5.9). Pure."""

import re
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

from topics import Subscription

CONTAINER_RULE: Final = "1 to 63 of the characters A-Z, a-z, 0-9 and '-', the first a letter, a digit or '$'"

_CONTAINER: Final = re.compile(r"[A-Za-z0-9$][A-Za-z0-9-]{0,62}")


class DeadLetterFile(NamedTuple):
    """One file: its path below the location of all dead letters, and its bytes."""

    path: str
    content: bytes


def is_container_name(name: str) -> bool:
    """Say whether a blob container may be called so: it becomes a folder's name, so it leads nowhere else."""
    return _CONTAINER.fullmatch(name) is not None


def container_of(subscription: Subscription | None) -> str | None:
    """Return the blob container that a subscription names for its dead letters; None when it names none."""
    match subscription.dead_letter if subscription is not None else None:
        case {"endpointType": "StorageBlob", "properties": {"blobContainerName": str(name)}}:
            return name if is_container_name(name) else None
        case _:
            return None


def file_of(delivery_id: str, died_at: datetime, value: bytes, *, container: str, subscription: str) -> DeadLetterFile:
    """Return the file of a dead letter; written twice it is the same file.

    The path is `<container>/<SUBSCRIPTION-NAME-UPPER>/<yyyy>/<M>/<d>/<H>/<guid>.json`, unpadded, in UTC (§5.8).
    """
    at = died_at.astimezone(UTC)
    guid = uuid5(NAMESPACE_URL, f"{delivery_id} {at.isoformat()}")
    name = f"{at.year}/{at.month}/{at.day}/{at.hour}/{guid}.json"
    return DeadLetterFile(f"{container}/{subscription.upper()}/{name}", b"[" + value + b"]")


class SubscriptionsById:
    """The subscriptions, as far as dead letters are concerned."""

    def __init__(self) -> None:
        self._known: dict[bytes, Subscription] = {}

    def get(self, key: bytes) -> Subscription | None:
        """Return the subscription of a record key, or None."""
        return self._known.get(key)

    def apply(self, key: bytes, value: bytes | None) -> None:
        """Take a record of router.subscriptions; one that cannot be read is as good as none."""
        self._known.pop(key, None)
        if value is not None:
            try:
                subscription: Any = Subscription.model_validate_json(value)
            except ValueError:
                return
            if subscription.dead_letter is not None:
                self._known[key] = subscription
