"""Signatures of Standard Webhooks: by them a receiver knows that a request is ours and how old it is.

A secret is a line of text as receivers' libraries take it: `whsec_…` (HMAC-SHA256, signature `v1`) or `whsk_…` (an
ed25519 key, signature `v1a`; receivers get its public half, `whpk_…`).
"""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

Algorithm = Literal["hmac-sha256", "ed25519"]
Sign = Callable[[bytes], bytes]
"""Takes the signed content and returns `v1,…` or `v1a,…`."""

HMAC_PREFIX: Final = "whsec_"
PRIVATE_PREFIX: Final = "whsk_"
PUBLIC_PREFIX: Final = "whpk_"
_SECRET_BYTES: Final = 32


def new_signing_secret(algorithm: Algorithm = "hmac-sha256") -> str:
    """Return a new secret."""
    prefix = HMAC_PREFIX if algorithm == "hmac-sha256" else PRIVATE_PREFIX
    return prefix + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def algorithm_of(secret: str) -> Algorithm:
    """Return the algorithm that a secret is for."""
    return "ed25519" if secret.startswith(PRIVATE_PREFIX) else "hmac-sha256"


def verifying_key(secret: str) -> str:
    """Return what a receiver verifies with: the secret itself, or the public half of an ed25519 key."""
    if algorithm_of(secret) == "hmac-sha256":
        return secret
    public = _private_key(secret).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return PUBLIC_PREFIX + b64encode(public).decode()


def signer(secret: str) -> Sign:
    """Return a function that signs with a secret."""
    if algorithm_of(secret) == "ed25519":
        key = _private_key(secret)
        return lambda content: b"v1a," + b64encode(key.sign(content))
    # The digest with the key already mixed in is copied for each request, which halves its cost.
    keyed = hmac.new(b64decode(secret.removeprefix(HMAC_PREFIX)), digestmod=hashlib.sha256)

    def sign(content: bytes) -> bytes:
        digest = keyed.copy()
        digest.update(content)
        return b"v1," + b64encode(digest.digest())

    return sign


def signature(signers: Iterable[Sign], message_id: str, timestamp: int, body: bytes) -> bytes:
    """Return the value of `webhook-signature`: one signature for each secret that is in use."""
    content = b"%b.%d.%b" % (message_id.encode(), timestamp, body)
    return b" ".join(sign(content) for sign in signers)


def batch_id(delivery_ids: Sequence[str]) -> str:
    """Return the id of a request: that of its delivery, or for several one that is derived from all of them."""
    if len(delivery_ids) == 1:
        return delivery_ids[0]
    return "batch-" + hashlib.sha256("\n".join(sorted(delivery_ids)).encode()).hexdigest()[:40]


def _private_key(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(b64decode(secret.removeprefix(PRIVATE_PREFIX))[:_SECRET_BYTES])
