"""Access tokens: signed JWTs that say who somebody is; what they may do is looked up when they come (decision 0020)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from router.secrets import SecretBox
from topics.resources import SigningKey

TENANT: Final = "c0ffee00-0000-4000-8000-000000000000"
"""The one tenant of every router: who belongs to this one is told by the signature, not by this name."""

LIFETIME_SECONDS: Final = 3600
AZURE_AUDIENCES: Final = (
    "https://management.azure.com",
    "https://management.core.windows.net",
    "https://eventgrid.azure.net",
)
MAX_TOKEN_CHARACTERS: Final = 8192

_ALGORITHM: Final = "RS256"
_KEY_BITS: Final = 2048


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a token is about."""

    object_id: str
    application_id: str


def new_signing_key(box: SecretBox, now: datetime) -> SigningKey:
    """Return a new key, sealed."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    name = str(uuid4())
    return SigningKey(id=f"/signing-keys/{name}", name=name, sealed_private_key=box.seal(pem), created_at=now)


def open_key(box: SecretBox, key: SigningKey) -> rsa.RSAPrivateKey:
    """Return a key, opened.

    Raises:
        SettingsError: it was sealed with a key that is not at hand.
        TypeError: it is no RSA key.
    """
    private = serialization.load_pem_private_key(box.open(key.sealed_private_key).encode(), password=None)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise TypeError("a signing key is an RSA key")
    return private


def sign(  # noqa: PLR0913 (one argument for each thing that a token says)
    key_name: str, key: rsa.RSAPrivateKey, subject: Subject, *, audience: str, issuer: str, now: datetime
) -> str:
    """Return a token for a subject, good for an hour."""
    moment = int(now.timestamp())
    claims = {
        "aud": audience,
        "iss": issuer,
        "iat": moment,
        "nbf": moment,
        "exp": moment + LIFETIME_SECONDS,
        "tid": TENANT,
        "oid": subject.object_id,
        "sub": subject.object_id,
        "appid": subject.application_id,
        "idtyp": "app",
        "ver": "1.0",
    }
    return jwt.encode(claims, key, algorithm=_ALGORITHM, headers={"kid": key_name})


def verified(
    token: str, keys: Mapping[str, rsa.RSAPublicKey], audiences: frozenset[str], now: datetime
) -> Subject | None:
    """Return whom a token is about; None unless one of `keys` signed it, for one of `audiences`, and it is its time."""
    if len(token) > MAX_TOKEN_CHARACTERS:
        return None
    try:
        key = keys.get(str(jwt.get_unverified_header(token).get("kid")))
        if key is None:
            return None
        # The time is compared below, with the clock that is given.
        options: Any = {
            "verify_exp": False,
            "verify_nbf": False,
            "verify_iat": False,
            "verify_aud": False,
            "require": ["exp", "nbf", "aud", "tid", "oid"],
        }
        claims = jwt.decode(token, key, algorithms=[_ALGORITHM], options=options)
    except (jwt.InvalidTokenError, ValueError):
        return None
    moment, audience = now.timestamp(), claims["aud"]
    is_good = (
        isinstance(claims["exp"], int)
        and isinstance(claims["nbf"], int)
        and claims["nbf"] - 60 <= moment < claims["exp"]
        and isinstance(audience, str)
        and plain_audience(audience) in audiences
        and claims["tid"] == TENANT
    )
    return Subject(str(claims["oid"]), str(claims.get("appid", ""))) if is_good else None


def plain_audience(audience: str) -> str:
    """Return an audience as it is compared: in lower case, without slashes at its end."""
    return audience.lower().rstrip("/")
