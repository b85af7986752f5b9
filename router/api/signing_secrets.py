"""Signing secrets of a subscription: made with it, shown to who may manage it, rotated with an overlap."""

from datetime import datetime, timedelta
from typing import Any, Final

from router.api.json_bodies import Members
from router.handlers import algorithm_of, new_signing_secret, verifying_key
from router.secrets import SecretBox
from topics import Subscription, WebhookSink
from topics.subscriptions import SigningSecret

ALGORITHMS: Final = ("hmac-sha256", "ed25519")
OVERLAP_HOURS: Final = range(169)
DEFAULT_OVERLAP_HOURS: Final = 24
MOST: Final = 4
"""Secrets that sign at once, the oldest going first."""

Json = dict[str, Any]


def with_secret(wanted: Subscription, stored: Subscription | None, box: SecretBox, now: datetime) -> Subscription:
    """Return a definition with the secrets of the stored one, or with a new one; topics need none."""
    if not isinstance(wanted.sink, WebhookSink):
        return wanted
    kept = stored.signing_secrets if stored else ()
    return wanted.model_copy(update={"signing_secrets": kept or (_new(box, "hmac-sha256", now),)})


def rotated(stored: Subscription, body: Members, box: SecretBox, now: datetime) -> Subscription:
    """Return a subscription with a new secret, beside which the former ones sign on for `overlapHours`.

    Raises:
        RefusedError: `algorithm` or `overlapHours` is not allowed.
    """
    algorithm = body.choice("algorithm", ALGORITHMS)
    hours = body.whole("overlapHours", OVERLAP_HOURS)
    until = now + timedelta(hours=DEFAULT_OVERLAP_HOURS if hours is None else hours)
    if algorithm is None and stored.signing_secrets:
        algorithm = algorithm_of(box.open(stored.signing_secrets[0].sealed))
    former = [
        one.model_copy(update={"expires": until if one.expires is None else min(one.expires, until)})
        for one in stored.signing_secrets
        if one.expires is None or one.expires > now
    ]
    former = [one for one in former if one.expires is not None and one.expires > now]
    secrets = (_new(box, algorithm or "hmac-sha256", now), *former)[:MOST]
    return stored.model_copy(update={"signing_secrets": secrets})


def secrets_json(subscription: Subscription, box: SecretBox, now: datetime) -> Json:
    """Return the secrets in use, the newest first: `key` is what a receiver verifies with."""
    in_use = [one for one in subscription.signing_secrets if one.expires is None or one.expires > now]
    return {"signingSecrets": [_shown(one, box.open(one.sealed)) for one in in_use]}


def _shown(one: SigningSecret, secret: str) -> Json:
    return {
        "key": verifying_key(secret),
        "algorithm": algorithm_of(secret),
        "createdAt": one.created_at.isoformat().replace("+00:00", "Z"),
        "expiresAt": None if one.expires is None else one.expires.isoformat().replace("+00:00", "Z"),
    }


def _new(box: SecretBox, algorithm: str, now: datetime) -> SigningSecret:
    secret = new_signing_secret("ed25519" if algorithm == "ed25519" else "hmac-sha256")
    return SigningSecret(sealed=box.seal(secret), created_at=now)
