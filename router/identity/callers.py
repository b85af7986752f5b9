"""Callers: from an Authorization header to who calls, and what they may do."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog
from cryptography.hazmat.primitives.asymmetric import rsa

from router.credentials import BearerTokens
from router.errors import RouterError
from router.identity.principals import has_secret, principal_id
from router.identity.roles import EVERYWHERE, Action, allows
from router.identity.tokens import (
    AZURE_AUDIENCES,
    TENANT,
    Subject,
    new_signing_key,
    open_key,
    plain_audience,
    sign,
    verified,
)
from router.resources.store import ResourceStore
from router.secrets import SecretBox
from topics.resources import Principal, RoleAssignment, SigningKey

log = structlog.get_logger(__name__)

OWNER_EVERYWHERE: Final = (
    RoleAssignment(role="Owner", scope=EVERYWHERE),
    RoleAssignment(role="EventGrid Data Sender", scope=EVERYWHERE),
)
MACHINE: Final = Subject("c0ffee00-0000-4000-8000-000000000001", "c0ffee00-0000-4000-8000-000000000002")
"""The managed identity of this machine."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: the name that logs show, and the roles that they have."""

    name: str
    object_id: str
    assignments: tuple[RoleAssignment, ...]

    def may(self, action: Action, scope: str) -> bool:
        """Say whether the caller may do something on a scope."""
        return allows(self.assignments, action, scope)


NOBODY: Final = Caller("nobody", "", ())
ADMINISTRATOR: Final = Caller("administrator", MACHINE.object_id, OWNER_EVERYWHERE)


class Callers(BearerTokens):
    """Knows callers by the administrator's token, and by access tokens once `trust` has given them keys."""

    def __init__(self, admin_token: str) -> None:
        super().__init__(admin_token)
        self._tokens: AccessTokens | None = None

    def trust(self, tokens: "AccessTokens") -> None:
        """Accept these access tokens beside the administrator's."""
        self._tokens = tokens

    def caller(self, authorization: str | None) -> Caller | None:
        """Return who calls with this header, None when it proves nothing."""
        if self.is_administrator(authorization):
            return ADMINISTRATOR
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or self._tokens is None:
            return None
        return self._tokens.caller(token.strip())

    def accepts(self, authorization: str | None) -> bool:
        """Say whether a header proves someone who may change everything."""
        caller = self.caller(authorization)
        return caller is not None and caller.may("write", EVERYWHERE)

    def may_send(self, authorization: str | None, scope: str) -> bool | None:
        """Say whether a header proves someone who may publish the events of `scope`; None when it proves nobody."""
        caller = self.caller(authorization)
        return None if caller is None else caller.may("send", scope)


class AccessTokens:
    """Issues access tokens and knows them again, on every server: the keys are in router.resources."""

    def __init__(
        self, store: ResourceStore, box: SecretBox, now: Callable[[], datetime], audiences: tuple[str, ...] = ()
    ) -> None:
        self._store = store
        self._box = box
        self._now = now
        self._audiences = frozenset(plain_audience(one) for one in (*AZURE_AUDIENCES, *audiences) if one)
        self._opened: dict[str, rsa.RSAPrivateKey] = {}

    async def start(self) -> None:
        """Make a signing key unless there is one that this server can open.

        Raises:
            KafkaUnavailableError: it cannot be kept.
        """
        if not self._keys():
            await self._store.put(new_signing_key(self._box, self._now()))

    def add_audiences(self, *audiences: str | None) -> None:
        """Accept and issue tokens for these as well: the server's own addresses."""
        self._audiences |= {plain_audience(one) for one in audiences if one}

    def is_audience(self, audience: str) -> bool:
        """Say whether tokens may be meant for this."""
        return plain_audience(audience) in self._audiences

    def issue(self, subject: Subject, audience: str, base_url: str) -> str:
        """Return a token, signed with the newest key."""
        newest = max(self._keys(), key=lambda key: (key.created_at, key.name))
        issuer = f"{base_url}/{TENANT}/v2.0"
        return sign(newest.name, self._open(newest), subject, audience=audience, issuer=issuer, now=self._now())

    def principal(self, application_id: str, secret: str) -> Principal | None:
        """Return the principal that has this id and secret, or None."""
        principal = self._store.view.get(Principal, principal_id(application_id))
        return principal if principal is not None and has_secret(principal, secret) else None

    def caller(self, token: str) -> Caller | None:
        """Return whom a token is about, with the roles that they have now; None when it proves nothing."""
        subject = verified(token, self.public_keys(), self._audiences, self._now())
        if subject is None:
            return None
        if subject == MACHINE:
            return Caller("this machine", MACHINE.object_id, OWNER_EVERYWHERE)
        principal = self._store.view.get(Principal, principal_id(subject.application_id))
        if principal is None or principal.object_id != subject.object_id:
            return None
        return Caller(principal.name, principal.object_id, principal.assignments)

    def public_keys(self) -> dict[str, rsa.RSAPublicKey]:
        """Return the keys that prove tokens, by name."""
        return {key.name: self._open(key).public_key() for key in self._keys()}

    def _keys(self) -> list[SigningKey]:
        """Return the keys that this server can open."""
        found = []
        for key in self._store.view.all(SigningKey):
            try:
                self._open(key)
            except RouterError as error:
                log.warning("signing_key.sealed", key=key.name, problem=error.message)
            else:
                found.append(key)
        return found

    def _open(self, key: SigningKey) -> rsa.RSAPrivateKey:
        if key.name not in self._opened:
            self._opened[key.name] = open_key(self._box, key)
        return self._opened[key.name]
