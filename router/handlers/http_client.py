"""The HTTP client of deliveries: a pool of kept-alive connections for each host, guarded where one is connected.

A client of our own because aiohttp's costs more than all the rest of a delivery (docs/decisions/0016). It knows what
webhooks need and nothing else: no redirects, no cookies, no compression, no proxies, bounded answers.
"""

import asyncio
import ssl
import time
from collections import defaultdict, deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from yarl import URL

from router.handlers.failures import BrokenAnswerError
from router.handlers.http_connection import HttpAnswer, HttpConnection
from router.handlers.resolver import GuardedResolver, check_address
from router.handlers.safe_address import EndpointPolicy

# Below the 5 s after which many servers (Node, uvicorn) close an idle connection: a POST on a connection that is
# being closed would have to be sent again.
KEEP_ALIVE_SECONDS: Final = 4.0
CONNECTION_SECONDS: Final = 300.0
"""No connection is used for longer, or a name that leads elsewhere now would not be followed while there is traffic."""

DNS_CACHE_SECONDS: Final = 10.0
CONNECT_SECONDS: Final = 10.0
USER_AGENT: Final = b"workspace-event-router"
_NAMES_KEPT: Final = 4096
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """Files in PEM with which this process shows who it is (mutual TLS)."""

    certificate: str
    key: str | None = None


class Origin(NamedTuple):
    """Who is connected to, and how; connections to the same origin are shared."""

    scheme: str
    host: str
    port: int
    certificate: ClientCertificate | None = None


def origin_of(url: URL, certificate: ClientCertificate | None = None) -> Origin:
    """Return the origin of a URL that was checked before."""
    scheme = url.scheme
    return Origin(scheme, (url.raw_host or "").lower(), url.port or _DEFAULT_PORTS[scheme], certificate)


def request_head(method: str, url: URL) -> bytes:
    """Return the beginning of a request: its line, Host, and the headers that all requests have."""
    host = url.raw_host or ""
    host = f"[{host}]" if ":" in host else host
    if url.port != _DEFAULT_PORTS.get(url.scheme):
        host = f"{host}:{url.port}"
    return b"%b %b HTTP/1.1\r\nHost: %b\r\nUser-Agent: %b\r\nAccept: */*\r\n" % (
        method.encode(),
        url.raw_path_qs.encode(),
        host.encode(),
        USER_AGENT,
    )


class HttpClient:
    """Sends requests whose bytes are complete; `close` ends what is kept alive."""

    def __init__(self, policy: EndpointPolicy, *, connect_seconds: float = CONNECT_SECONDS) -> None:
        self._policy = policy
        self._connect_seconds = connect_seconds
        self._resolver = GuardedResolver(policy)
        self._idle: defaultdict[Origin, deque[tuple[float, HttpConnection]]] = defaultdict(deque)
        self._addresses: dict[str, tuple[float, asyncio.Future[list[str]]]] = {}
        self._contexts: dict[ClientCertificate | None, ssl.SSLContext] = {}
        self._sweeping: asyncio.TimerHandle | None = None

    async def send(self, origin: Origin, request: bytes, seconds: float) -> HttpAnswer:
        """Send a request and return its answer, both within `seconds`.

        A connection that its other end closed while it was idle is replaced once; nothing was answered on it.

        Raises:
            TimeoutError: there was no connection, or no complete answer, in time.
            OSError: no connection could be made, or it broke; RefusedAddressError: it may not be made.
            AnswerError: the answer is not one to read.
        """
        deadline = time.monotonic() + seconds
        connection = self._kept(origin)
        if connection is not None:
            try:
                return await self._exchange(origin, connection, request, seconds)
            except BrokenAnswerError:
                if connection.heard:
                    raise
        connect_seconds = min(self._connect_seconds, deadline - time.monotonic())
        async with asyncio.timeout(connect_seconds):
            connection = await self._connect(origin, time.monotonic() + connect_seconds)
        return await self._exchange(origin, connection, request, deadline - time.monotonic())

    async def close(self) -> None:
        """Close the connections that are kept alive."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
        for kept in self._idle.values():
            for _since, connection in kept:
                connection.close()
        self._idle.clear()
        self._resolver.close()

    @property
    def kept_alive(self) -> int:
        """How many connections wait for the next request."""
        return sum(len(kept) for kept in self._idle.values())

    async def _exchange(self, origin: Origin, connection: HttpConnection, request: bytes, seconds: float) -> HttpAnswer:
        answer = await connection.exchange(request, seconds)
        if connection.is_usable:
            now = time.monotonic()
            if now - connection.made >= CONNECTION_SECONDS:
                connection.close()
                return answer
            self._idle[origin].append((now, connection))
            if self._sweeping is None:
                self._sweep_later()
        return answer

    def _kept(self, origin: Origin) -> HttpConnection | None:
        kept = self._idle.get(origin)
        oldest = time.monotonic() - KEEP_ALIVE_SECONDS
        while kept:
            since, connection = kept.pop()
            if connection.is_usable and since >= oldest:
                return connection
            connection.close()
        return None

    async def _connect(self, origin: Origin, deadline: float) -> HttpConnection:
        failed: OSError | None = None
        addresses = await self._resolve(origin.host)
        for tried, address in enumerate(addresses):
            # The last thing before `connect`, on the address itself: a name may have changed its mind.
            check_address(self._policy, address)
            try:
                # One address that swallows what is sent to it, as a broken IPv6 does, must leave time for the others.
                async with asyncio.timeout((deadline - time.monotonic()) / (len(addresses) - tried)):
                    return await self._connect_to(origin, address)
            except OSError as error:  # TimeoutError is one
                failed = error
        raise failed or OSError("the name has no address")

    async def _connect_to(self, origin: Origin, address: str) -> HttpConnection:
        secure = origin.scheme == "https"
        _transport, connection = await asyncio.get_running_loop().create_connection(
            HttpConnection,
            address,
            origin.port,
            ssl=self._context(origin.certificate) if secure else None,
            server_hostname=origin.host if secure else None,
        )
        return connection

    async def _resolve(self, host: str) -> list[str]:
        """Return a host's addresses; those who ask together share one lookup, and a failed one is not kept."""
        known, now = self._addresses.get(host), time.monotonic()
        # A lookup under way is joined, however long it takes: each anew would hold another thread for a dead server.
        if known is None or _has_failed(known[1]) or (known[1].done() and now - known[0] >= DNS_CACHE_SECONDS):
            if len(self._addresses) >= _NAMES_KEPT:
                self._addresses.clear()
            known = self._addresses[host] = (now, asyncio.ensure_future(self._resolver.resolve(host)))
            known[1].add_done_callback(_has_failed)
        return await asyncio.shield(known[1])

    def _context(self, certificate: ClientCertificate | None) -> ssl.SSLContext:
        context = self._contexts.get(certificate)
        if context is None:
            context = ssl.create_default_context()
            context.set_alpn_protocols(["http/1.1"])
            if certificate is not None:
                context.load_cert_chain(certificate.certificate, certificate.key)
            self._contexts[certificate] = context
        return context

    def _sweep_later(self) -> None:
        self._sweeping = asyncio.get_running_loop().call_later(KEEP_ALIVE_SECONDS, self._sweep)

    def _sweep(self) -> None:
        """Close what has been idle for too long, the longest idle first."""
        self._sweeping = None
        oldest = time.monotonic() - KEEP_ALIVE_SECONDS
        for origin, kept in list(self._idle.items()):
            while kept and kept[0][0] < oldest:
                kept.popleft()[1].close()
            if not kept:
                del self._idle[origin]
        if self._idle:
            self._sweep_later()


def _has_failed(lookup: asyncio.Future[list[str]]) -> bool:
    """Say whether a lookup ended without addresses; asking also marks its error as seen."""
    return lookup.done() and (lookup.cancelled() or lookup.exception() is not None)
