"""The HTTP connection to a router: quick to make, and never through a proxy to this machine."""

import ssl
from ipaddress import ip_address
from urllib.parse import urlsplit

import httpx

from router.client.access import Access

TIMEOUT_SECONDS = 60.0


def open_connection(
    access: Access, headers: dict[str, str], transport: httpx.BaseTransport | None = None
) -> httpx.Client:
    """Return a client of the router's server that sends these headers."""
    return httpx.Client(
        base_url=access.server,
        headers=headers,
        timeout=TIMEOUT_SECONDS,
        verify=_trusted(access),
        trust_env=not is_loopback(access.server),
        transport=transport,
    )


def is_loopback(url: str) -> bool:
    """Say whether a URL's host is this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _trusted(access: Access) -> ssl.SSLContext:
    """Return whose certificates are trusted: the router's own authority, or the usual ones; nobody's for plain http."""
    if access.server.startswith("https://"):
        return ssl.create_default_context(cafile=access.ca_file)
    # Loading the usual authorities would take most of a command's time.
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
