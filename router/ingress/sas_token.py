"""Shared access signatures (§3.4): verified over their own raw text, as every SDK encodes it in its own way."""

import binascii
import hmac
import re
from base64 import b64decode, b64encode
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import unquote, unquote_plus, urlsplit

from router.sources.view import AccessKeys

_FORMS = tuple(
    f"{date} {time}{zone}"
    for date in ("%m/%d/%Y", "%m/%d/%y")
    for time in ("%I:%M:%S %p", "%H:%M:%S", "%I:%M %p", "%H:%M")
    for zone in ("", " %z")
)
"""What .NET (6/15/2017 6:20:15 PM +00:00), Java (6/15/2017 6:20:15 PM) and Node (the same) write, in English as in the
US; a day or an hour may or may not begin with a zero."""

_TIME_ZONE_NAME = re.compile(r" (?:UTC|GMT|Z)(?: m=[+-][0-9.]+)?\Z")
"""What Go's time.String() and RFC 1123 end with."""

_SPACES = str.maketrans({"\u202f": " ", "\u00a0": " "})
"""What newer .NET and Java put in front of PM."""

_LONGEST_MOMENT = 64


class SasToken(NamedTuple):
    """A token taken apart; `signed` is the text that the signature covers, as it came."""

    resource: str
    expires: datetime
    signature: bytes
    signed: bytes


def parse_token(text: str) -> SasToken | None:
    """Return the parts of `r=…&e=…&s=…`, or None when it is no such token."""
    signed, separator, signature = text.strip().rpartition("&s=")
    fields = dict(part.partition("=")[::2] for part in signed.split("&"))
    expires = _moment(fields.get("e", ""))
    if not separator or not fields.get("r") or expires is None:
        return None
    # A `+` in base64 may come encoded or bare: here it never means a space.
    return SasToken(unquote_plus(fields["r"]), expires, unquote(signature).encode(), signed.encode())


def is_signed_by(token: SasToken, keys: AccessKeys) -> bool:
    """Say whether one of a source's keys made the signature; in constant time."""
    signatures = [_signature(token.signed, key) for key in keys]
    same = [hmac.compare_digest(good, token.signature) for good in signatures if good is not None]
    return any(same)


def is_for(token: SasToken, host: str, path: str) -> bool:
    """Say whether a token was made for this endpoint: host and path are compared, scheme, port and query are not."""
    with suppress(ValueError):
        resource = urlsplit(token.resource if "//" in token.resource else f"//{token.resource}")
        same_host = (resource.hostname or "").lower() == host.lower()
        return same_host and resource.path.rstrip("/").lower() in ("", path.rstrip("/").lower())
    return False


def _signature(signed: bytes, key: str) -> bytes | None:
    try:
        secret = b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        return None
    return b64encode(hmac.digest(secret, signed, "sha256"))


def _moment(raw: str) -> datetime | None:
    """Return the expiry; a `+` is a space in some encodings and a sign in others, so both are tried."""
    for text in (unquote(raw), unquote_plus(raw)):
        moment = _parse(text.strip())
        if moment is not None:
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _parse(text: str) -> datetime | None:
    if len(text) > _LONGEST_MOMENT:
        return None
    text = text.translate(_SPACES)
    plain = _TIME_ZONE_NAME.sub("", text)
    for candidate in (text, plain, plain.replace(" +0000", "+00:00")):
        with suppress(ValueError):
            return datetime.fromisoformat(candidate)
    for form in _FORMS:
        with suppress(ValueError):
            return datetime.strptime(plain, form)  # noqa: DTZ007 (without a zone it is UTC, as the caller sees to)
    with suppress(ValueError, TypeError):
        return parsedate_to_datetime(text)
    return None
