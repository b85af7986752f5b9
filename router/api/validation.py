"""Confirmation of an endpoint (§6): which states follow from it, and which validation URL opens what. Pure."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeGuard
from uuid import uuid4

from topics import Subscription, WebhookSink
from topics.subscriptions import ManualValidation

VALID_FOR: Final = timedelta(minutes=10)
"""How long a validation URL counts (§6.2)."""

Confirmation = Literal["confirmed", "too late", "unknown"]


def new_validation(now: datetime) -> tuple[ManualValidation, str]:
    """Return what is stored of a new validation URL, and its token, of which only the hash is stored."""
    token = secrets.token_urlsafe(32)
    return ManualValidation(id=str(uuid4()), token_sha256=_hash(token), expires=now + VALID_FOR), token


def opens(subscription: Subscription, name: str, validation_id: str, token: str) -> bool:
    """Say whether a validation URL is that of a subscription, and was not used yet."""
    validation = subscription.validation
    return (
        validation is not None
        and validation.id == validation_id
        and subscription.name.lower() == name.lower()
        and hmac.compare_digest(validation.token_sha256, _hash(token))
    )


def is_awaited(stored: Subscription | None, validation: ManualValidation) -> TypeGuard[Subscription]:
    """Say whether what is stored still waits for this confirmation: not deleted, replaced or confirmed meanwhile."""
    return stored is not None and stored.validation is not None and stored.validation.id == validation.id


def is_expired(subscription: Subscription, now: datetime) -> bool:
    """Say whether it is too late to confirm a subscription."""
    return subscription.validation is not None and subscription.validation.expires <= now


def awaiting(stored: Subscription, message: str) -> Subscription:
    """Return a subscription whose endpoint accepted without confirming; `message` says what it will fail with."""
    validation = stored.validation and stored.validation.model_copy(update={"message": message})
    return stored.model_copy(update={"provisioning_state": "AwaitingManualAction", "validation": validation})


def confirmed(stored: Subscription, allowed_rate: int | None = None) -> Subscription:
    """Return a subscription whose endpoint confirmed; of an update that waited, the new definition.

    An endpoint that allows fewer requests a minute than were asked for gets no more than that.
    """
    wanted = stored.pending or stored
    changes: dict[str, Any] = _over("Succeeded", None)
    if stored.pending is not None and stored.signing_secrets:
        # They may have been rotated while it waited.
        changes["signing_secrets"] = stored.signing_secrets
    if allowed_rate is not None and isinstance(wanted.sink, WebhookSink):
        rate = min(allowed_rate / 60, wanted.sink.max_deliveries_per_second or allowed_rate / 60)
        changes["sink"] = wanted.sink.model_copy(update={"max_deliveries_per_second": rate})
    return wanted.model_copy(update=changes)


def failed(stored: Subscription, problem: str) -> Subscription:
    """Return a subscription whose endpoint did not confirm; one that was live stays as it was (decision 0007)."""
    was_live = stored.pending is not None or stored.provisioning_state == "Updating"
    return stored.model_copy(update=_over("Succeeded" if was_live else "Failed", problem))


def sink_to_ask(asked: Subscription) -> tuple[Subscription, WebhookSink]:
    """Return the definition whose endpoint is asked, and that endpoint.

    Raises:
        TypeError: it has none.
    """
    wanted = asked.pending or asked
    if not isinstance(wanted.sink, WebhookSink):
        raise TypeError(f"{wanted.id} has no webhook")
    return wanted, wanted.sink


def _over(state: str, problem: str | None) -> dict[str, Any]:
    return {"provisioning_state": state, "provisioning_error": problem, "validation": None, "pending": None}


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
