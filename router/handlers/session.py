"""The HTTP client of webhooks: one pool of kept-alive connections, guarded where an address is connected to."""

import asyncio
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Any, Final

from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult

from router.handlers.safe_address import (
    EndpointPolicy,
    RefusedAddressError,
    check_endpoint_url,
    literal_address,
    refused_address,
)

# Below the 5 s after which many servers (Node, uvicorn) close an idle connection: a POST on a connection that is
# being closed would count as a failed attempt.
KEEP_ALIVE_SECONDS: Final = 4.0
_DNS_CACHE_SECONDS: Final = 10
_DNS_THREADS: Final = 32


def new_session(policy: EndpointPolicy) -> ClientSession:
    """Return a client that refuses private addresses, keeps no cookies and unpacks nothing; the caller closes it."""
    connector = TCPConnector(
        limit=0,
        resolver=GuardedResolver(policy),
        socket_factory=_guarded_sockets(policy),
        keepalive_timeout=KEEP_ALIVE_SECONDS,
        ttl_dns_cache=_DNS_CACHE_SECONDS,
    )
    return ClientSession(
        connector=connector,
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=("Accept-Encoding",),
        headers={"User-Agent": "workspace-event-router"},
        timeout=ClientTimeout(total=None, sock_connect=None),
    )


async def resolve_and_check(url: str | None, policy: EndpointPolicy) -> None:
    """Check a URL and every address that its host has now; a name that has none is left to the handshake.

    Raises:
        RefusedError: the URL is wrong or leads to a private address.
    """
    host = check_endpoint_url(url, policy).raw_host or ""
    if literal_address(host) is not None:
        return
    resolver = GuardedResolver(policy)
    try:
        await resolver.resolve(host)
    except RefusedAddressError:
        raise refused_address(host) from None
    except OSError:
        return
    finally:
        await resolver.close()


class GuardedResolver(AbstractResolver):
    """Resolves names in threads of its own, so that dead name servers hold up nobody else.

    A name is refused when any of its addresses is.
    """

    def __init__(self, policy: EndpointPolicy) -> None:
        self._policy = policy
        self._threads = ThreadPoolExecutor(_DNS_THREADS, thread_name_prefix="webhook-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the addresses of a host.

        Raises:
            RefusedAddressError: one of them is refused.
            OSError: there are none.
        """
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        )
        results: list[ResolveResult] = []
        for actual_family, _type, proto, _canonical, where in found:
            check_address(self._policy, str(where[0]))
            results.append(
                ResolveResult(
                    hostname=host,
                    host=str(where[0]),
                    port=port,
                    family=actual_family,
                    proto=proto,
                    flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
                )
            )
        return results

    async def close(self) -> None:
        """Let go of the threads; a lookup that hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _guarded_sockets(policy: EndpointPolicy) -> Callable[[Any], socket.socket]:
    def factory(info: Any) -> socket.socket:  # noqa: ANN401 (aiohttp's own tuple of getaddrinfo)
        family, kind, proto, _canonical, where = info
        check_address(policy, str(where[0]))
        return socket.socket(family, kind, proto)

    return factory


def check_address(policy: EndpointPolicy, host: str) -> None:
    """Refuse an address that no connection may be made to.

    Raises:
        RefusedAddressError: it is one of those, or no address at all.
    """
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        raise RefusedAddressError("not an address") from None
    if policy.refuses(address):
        raise RefusedAddressError("the endpoint's address is not public")
