"""Bearer tokens for endpoints that want them: OAuth 2.0 client credentials (RFC 6749 §4.4), kept until they expire."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

import orjson

from router.errors import RouterError
from router.handlers.failures import failure_of
from router.handlers.http_client import HttpClient, origin_of, request_head
from router.handlers.http_connection import HttpAnswer
from router.handlers.safe_address import EndpointPolicy, check_endpoint_url
from router.secrets import SecretBox
from topics.subscriptions import OAuthCredentials

DEFAULT_SECONDS: Final = 300.0
"""How long a token is used whose server does not say."""

EARLY_SECONDS: Final = 30.0
_OK: Final = 200
_TOKENS_KEPT: Final = 10_000


class NoTokenError(Exception):
    """No token could be had; the message quotes nothing of the server's."""


@dataclass(frozen=True, slots=True)
class _Token:
    value: str
    until: float


class AccessTokens:
    """Gets tokens, one request for all who wait for the same one."""

    def __init__(self, client: HttpClient, policy: EndpointPolicy, box: SecretBox) -> None:
        self._client = client
        self._policy = policy
        self._box = box
        self._tokens: dict[OAuthCredentials, _Token] = {}
        self._asking: dict[OAuthCredentials, asyncio.Lock] = {}

    async def get(self, credentials: OAuthCredentials, seconds: float) -> str:
        """Return a token that is still good, waiting `seconds` at most for a new one.

        Raises:
            NoTokenError: there is none to be had.
        """
        token = self._tokens.get(credentials)
        if token is not None and token.until > time.monotonic():
            return token.value
        async with asyncio.timeout(seconds), self._asking.setdefault(credentials, asyncio.Lock()):
            token = self._tokens.get(credentials)
            if token is None or token.until <= time.monotonic():
                token = await self._ask(credentials, seconds)
                if len(self._tokens) >= _TOKENS_KEPT:
                    self._tokens.clear()
                    self._asking.clear()
                self._tokens[credentials] = token
        return token.value

    def forget(self, credentials: OAuthCredentials, refused: str) -> None:
        """Use a token no longer that was refused; one that somebody has got since is kept."""
        token = self._tokens.get(credentials)
        if token is not None and token.value == refused:
            del self._tokens[credentials]

    async def _ask(self, credentials: OAuthCredentials, seconds: float) -> _Token:
        asked = {
            "grant_type": "client_credentials",
            "client_id": credentials.client_id,
            "client_secret": self._box.open(credentials.sealed_client_secret),
        }
        if credentials.scope is not None:
            asked["scope"] = credentials.scope
        body = urlencode(asked).encode()
        try:
            url = check_endpoint_url(credentials.token_url, self._policy)
            head = request_head("POST", url) + (
                b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n" % len(body)
            )
            answer = await self._client.send(origin_of(url), head + body, seconds)
        except RouterError as error:
            raise NoTokenError(f"no access token: {error.message}") from None
        except Exception as error:
            raise NoTokenError(f"no access token: {failure_of(error).detail}") from error
        return _token_of(answer)


def _token_of(answer: HttpAnswer) -> _Token:
    if answer.status != _OK:
        raise NoTokenError(f"no access token: the token endpoint answered {answer.status}")
    try:
        members = orjson.loads(answer.body)
        value, lifetime = members["access_token"], float(members.get("expires_in", DEFAULT_SECONDS))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise NoTokenError("no access token: the token endpoint's answer holds none") from None
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise NoTokenError("no access token: the token endpoint's answer holds none")
    return _Token(value, time.monotonic() + max(lifetime - EARLY_SECONDS, lifetime / 2))
