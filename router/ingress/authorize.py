"""Who may publish: from the credentials of a request to the source that it may publish for (§3.3, §3.6)."""

import binascii
from base64 import b64decode
from datetime import datetime

import msgspec

from router.credentials import BearerTokens
from router.ingress.refusals import Refusal, empty_key, forbidden, unauthorized
from router.ingress.sas_token import SasToken, is_for, is_signed_by, parse_token
from router.sources.resource_ids import LOCAL_WORKSPACE
from router.sources.view import SourcesView
from topics import Source

_NO_CREDENTIALS = "Request must contain one of the following authorization signature: aeg-sas-token, aeg-sas-key."
_WRONG_SCHEME = "Request has an unsupported Authorization scheme (must be SharedAccessSignature or Bearer)."
_NOT_BASE64 = (
    "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, "
    "or an illegal character among the padding characters."
)


class Claims(msgspec.Struct, frozen=True):
    """What a request shows of itself: its credentials as they came, where it went (port left out), and when."""

    host: str
    path: str
    now: datetime
    sas_key: str | None = None
    sas_token: str | None = None
    authorization: str | None = None


def authorize(claims: Claims, addressed: Source | None, sources: SourcesView, tokens: BearerTokens) -> Source | Refusal:
    """Return the source that a request publishes for, or why it may not.

    `addressed` is the source that the path names, or None where only the key tells (design §10).
    """
    if claims.sas_key is not None:
        return _by_key(claims, claims.sas_key, addressed, sources)
    if claims.sas_token is not None:
        return _by_token(claims, claims.sas_token, addressed, sources)
    if claims.authorization is None:
        return unauthorized(_NO_CREDENTIALS)
    scheme, _, credentials = claims.authorization.partition(" ")
    if scheme.lower() == "sharedaccesssignature":
        return _by_token(claims, credentials, addressed, sources)
    if scheme.lower() == "bearer":
        return _by_bearer(claims.authorization, addressed or sources.get(LOCAL_WORKSPACE), tokens)
    return unauthorized(_WRONG_SCHEME)


def _by_bearer(authorization: str, target: Source | None, tokens: BearerTokens) -> Source | Refusal:
    if target is None:
        return unauthorized("Unable to read access token.")
    match tokens.may_send(authorization, target.id):
        case None:
            return unauthorized("Unable to read access token.")
        case False:
            return forbidden("The principal associated with access token does not have the role EventGrid Data Sender.")
        case _:
            return target


def _by_key(claims: Claims, key: str, addressed: Source | None, sources: SourcesView) -> Source | Refusal:
    if not key.strip():
        return empty_key()
    source = sources.by_key(key)
    if source is not None and addressed in (None, source):
        return source
    return _not_authorized(claims, None if _is_base64(key) else _NOT_BASE64)


def _by_token(claims: Claims, text: str, addressed: Source | None, sources: SourcesView) -> Source | Refusal:
    token = parse_token(text)
    if token is None:
        return _not_authorized(claims, "The token does not have the form r=<resource>&e=<expiry>&s=<signature>.")
    source = _signer(token, [addressed] if addressed else sources.all(), sources)
    if source is None:
        return _not_authorized(claims, "The signature is not valid.")
    if token.expires <= claims.now:
        return _not_authorized(claims, "The token has expired.")
    if not is_for(token, claims.host, claims.path):
        return _not_authorized(claims, "The token was made for another resource.")
    return source


def _signer(token: SasToken, candidates: list[Source], sources: SourcesView) -> Source | None:
    # Every key of every candidate is tried: the token does not say whose it is.
    known = [(source, sources.known_keys(source)) for source in candidates]
    return next((source for source, keys in known if keys is not None and is_signed_by(token, keys)), None)


def _not_authorized(claims: Claims, reason: str | None) -> Refusal:
    message = f"The request authorization key is not authorized for {claims.host.upper()}."
    return unauthorized(message if reason is None else f"{message} This is due to the reason: {reason} .")


def _is_base64(text: str) -> bool:
    try:
        b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True
