"""One connection to an endpoint: a request out, its answer in, read no further than anybody needs (HTTP/1.1)."""

import asyncio
from dataclasses import dataclass
from time import monotonic
from typing import Final

import httptools

from router.handlers.failures import BrokenAnswerError, EndlessBodyError, NotHttpError

BODY_LIMIT: Final = 64 * 1024
HEAD_LIMIT: Final = 64 * 1024
ANSWER_LIMIT: Final = 1024 * 1024
"""Of an answer in all; a body in chunks of one byte is six times as long on the wire, what is more is trailers."""

_FIRST_FINAL_STATUS: Final = 200


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """Status, headers by lower-case name, and body of an answer."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class HttpConnection(asyncio.Protocol):
    """Takes one exchange at a time; `is_usable` says whether another may follow."""

    __slots__ = (
        "_answer",
        "_body",
        "_body_size",
        "_head_size",
        "_headers",
        "_in_body",
        "_parser",
        "_size",
        "_transport",
        "heard",
        "made",
    )

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._answer: asyncio.Future[HttpAnswer] | None = None
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._body_size = 0
        self._head_size = 0
        self._size = 0
        self._in_body = False
        self.heard = False
        """Whether any byte of the present answer has come."""

        self.made = monotonic()
        """When the connection was made, by the monotonic clock."""

    @property
    def is_usable(self) -> bool:
        """Whether the connection is open and no exchange is under way."""
        return self._transport is not None and self._answer is None and not self._transport.is_closing()

    async def exchange(self, request: bytes, seconds: float) -> HttpAnswer:
        """Send a request and return its answer, which must be complete within `seconds`; what fails closes.

        Raises:
            TimeoutError: it was not.
            OSError: the connection broke before.
            AnswerError: the answer is not one to read.
        """
        loop = asyncio.get_running_loop()
        if self._transport is None or self._transport.is_closing():
            raise BrokenAnswerError
        self._begin()
        answer: asyncio.Future[HttpAnswer] = loop.create_future()
        self._answer = answer
        timer = loop.call_later(seconds, self._time_out)
        try:
            self._transport.write(request)
            return await answer
        finally:
            timer.cancel()
            self._answer = None
            if not answer.done() or answer.cancelled() or answer.exception() is not None:
                self.close()

    def close(self) -> None:
        """Close at once; nothing is worth waiting for."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        self._transport = transport  # type: ignore[assignment]  # a stream's transport is an asyncio.Transport

    def data_received(self, data: bytes) -> None:
        """Take bytes of the answer; what comes unasked ends the connection."""
        if self._answer is None or self._answer.done() or self._parser is None:
            self.close()
            return
        self.heard = True
        self._size += len(data)
        if self._size > ANSWER_LIMIT:
            # A trailer or an extension of a chunk without an end: the parser would gather it for as long as it comes.
            self._fail(EndlessBodyError(self._status()))
            return
        if not self._in_body:
            self._head_size += len(data)
            if self._head_size > HEAD_LIMIT + BODY_LIMIT:
                self._fail(NotHttpError())
                return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._fail(NotHttpError(self._status()))

    def eof_received(self) -> bool:
        """Close when the endpoint has ended its side, whatever it would still take."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """End the exchange: an answer without a length is complete now, any other is broken."""
        self._transport = None
        if self._answer is None or self._answer.done():
            return
        endless = not (self._headers.keys() & {b"content-length", b"transfer-encoding"})
        if error is None and self._in_body and endless:
            self._finish()
        else:
            self._fail(BrokenAnswerError(self._status()))

    # ---- called by httptools

    def on_message_begin(self) -> None:
        """Close when a second answer begins, though the rest of it may come only after the next request."""
        if self._answer is not None and self._answer.done():
            self._headers = {}  # the first answer's are in use
            self.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._head_size += len(name) + len(value)
        if self._head_size > HEAD_LIMIT + BODY_LIMIT:
            self._fail(NotHttpError(self._status()))
            return
        self._headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        """Go on to the body, unless the answer is only an interim one."""
        status = self._status()
        if status is not None and status < _FIRST_FINAL_STATUS:
            self._headers.clear()
        else:
            self._in_body = True

    def on_body(self, data: bytes) -> None:
        """Take a part of the body."""
        self._body_size += len(data)
        if self._body_size > BODY_LIMIT:
            self._fail(EndlessBodyError(self._status()))
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        """End the exchange, unless the answer was only an interim one."""
        if self._in_body and self._answer is not None and not self._answer.done():
            keep = self._parser is not None and self._parser.should_keep_alive()
            self._finish()
            if not keep and self._transport is not None:
                self._transport.close()
                self._transport = None

    # ----

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers = {}
        self._body = []
        self._body_size = self._head_size = self._size = 0
        self._in_body = self.heard = False

    def _status(self) -> int | None:
        status = 0 if self._parser is None else self._parser.get_status_code()
        return status or None

    def _finish(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(HttpAnswer(self._status() or 0, self._headers, b"".join(self._body)))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.close()

    def _time_out(self) -> None:
        self._fail(TimeoutError("the answer's body did not end in time" if self._in_body else "no answer in time"))
