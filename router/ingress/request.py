"""A publish request as it comes from the server: what is asked of it is little, so that it costs little."""

import asyncio
from contextlib import suppress
from typing import Final

from starlette.datastructures import QueryParams
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope

_DRAINED_BYTES: Final = 32 * 1024 * 1024
_DRAIN_SECONDS: Final = 5.0
_SAS_KEY: Final = "aeg-sas-key"


def uri_of(scope: Scope) -> str:
    """Return the address of a request without its query, which may hold a key."""
    # Not Starlette's URL: it raises for a Host header that is no host.
    host = dict(reversed(scope["headers"])).get(b"host", b"")
    return f"{scope['scheme']}://{host.decode('latin-1')}{scope['path']}"


class PublishRequest:
    """Method, path, headers (the first of each name) and body of one request."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.query: bytes = scope["query_string"]
        self.header_lines: list[tuple[bytes, bytes]] = scope["headers"]
        self.headers: dict[bytes, bytes] = dict(reversed(self.header_lines))
        self._scope = scope
        self._receive = receive
        self._is_complete = False

    def uri(self) -> str:
        """Return the address without its query."""
        return uri_of(self._scope)

    def header(self, name: bytes) -> str | None:
        """Return the text of a header, whose name is given in lower case; None when it is not there."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")

    def key_in_query(self) -> str | None:
        """Return the access key that the query holds, if it does."""
        return QueryParams(self.query).get(_SAS_KEY) if b"sas-key" in self.query else None

    def announced_size(self, unknown: int) -> int:
        """Return how many bytes the body is to have, or `unknown` when its sender does not say."""
        length = self.headers.get(b"content-length", b"")
        return int(length) if length.isdigit() else unknown

    async def body(self, most_bytes: int) -> bytes | None:
        """Return the body; None when it has more than `most_bytes`, of which no more are kept.

        Raises:
            ClientDisconnect: the sender is gone.
        """
        body = await self._chunk()
        if self._is_complete:
            return body if len(body) <= most_bytes else None
        chunks, size = [body], len(body)
        while not self._is_complete and size <= most_bytes:
            chunks.append(await self._chunk())
            size += len(chunks[-1])
        return b"".join(chunks) if size <= most_bytes else None

    async def drain(self) -> None:
        """Let the rest of a refused body arrive, up to a limit: many do not read an answer before they have sent all.

        Raises:
            ClientDisconnect: the sender is gone.
        """
        if self._is_complete or b"expect" in self.headers:
            return  # whoever expects an answer asks before it sends
        left = _DRAINED_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while left >= 0 and not self._is_complete:
                    left -= len(await self._chunk())

    async def _chunk(self) -> bytes:
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        self._is_complete = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body
