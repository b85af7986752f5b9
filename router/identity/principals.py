"""Service principals: a name, a secret of which only a digest is kept, and roles on scopes."""

import hashlib
import hmac
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

from router.secrets import new_token
from topics.resources import Principal, RoleAssignment


class NewPrincipal(NamedTuple):
    """A principal, and its secret, which nobody can show again."""

    principal: Principal
    secret: str


def new_principal(name: str, assignments: tuple[RoleAssignment, ...], now: datetime) -> NewPrincipal:
    """Return a new principal with a new secret."""
    application_id, secret = str(uuid4()), new_token()
    principal = Principal(
        id=principal_id(application_id),
        name=name,
        application_id=application_id,
        object_id=str(uuid4()),
        secret_digest=_digest(secret),
        assignments=assignments,
        created_at=now,
    )
    return NewPrincipal(principal, secret)


def principal_id(application_id: str) -> str:
    """Return the id under which a principal is kept."""
    return f"/principals/{application_id}"


def has_secret(principal: Principal, candidate: str) -> bool:
    """Say whether a secret is the principal's; in constant time."""
    return hmac.compare_digest(_digest(candidate), principal.secret_digest)


def _digest(secret: str) -> str:
    # 256 random bits cannot be guessed, so a slow hash would protect nothing and let strangers cost us time.
    return "sha256:" + hashlib.sha256(secret.encode()).hexdigest()
