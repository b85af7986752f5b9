"""Names into addresses, guarded: a name of which any address is refused is refused."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address
from typing import Final

from router.handlers.safe_address import (
    EndpointPolicy,
    RefusedAddressError,
    check_endpoint_url,
    literal_address,
    refused_address,
)

_DNS_THREADS: Final = 32


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
        resolver.close()


class GuardedResolver:
    """Resolves names in threads of its own, so that dead name servers hold up nobody else."""

    def __init__(self, policy: EndpointPolicy) -> None:
        self._policy = policy
        self._threads = ThreadPoolExecutor(_DNS_THREADS, thread_name_prefix="webhook-dns")

    async def resolve(self, host: str) -> list[str]:
        """Return the addresses of a host.

        Raises:
            RefusedAddressError: one of them is refused.
            OSError: there are none.
        """
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(
                self._threads, lambda: socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            )
        except UnicodeError:  # a label that is empty or longer than names may be
            raise socket.gaierror(socket.EAI_NONAME, "no name can be so") from None
        addresses = list(dict.fromkeys(str(where[0]) for _family, _type, _proto, _name, where in found))
        for address in addresses:
            check_address(self._policy, address)
        return addresses

    def close(self) -> None:
        """Let go of the threads; a lookup that hangs is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)


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
