"""Where webhooks may go: public addresses over https, and the private networks that the operator allows.

A name can point anywhere and change between check and use, so the rule that counts is the one for the address that
is connected to (`http_client.py`); the check of the URL is for the person who creates a subscription.
"""

import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

from yarl import URL

from router.errors import RefusedError
from router.settings import Settings

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

ENDPOINT_URL: Final = "properties.destination.properties.endpointUrl"
MAX_URL_LENGTH: Final = 8192
_INVALID_URL: Final = (
    "Invalid event subscription request: Supplied URL is invalid. It cannot be null or empty and should be a proper "
    "HTTPS URL like https://www.example.com."
)
_NAT64: Final = IPv6Network("64:ff9b::/96")
_6TO4: Final = IPv6Network("2002::/16")
# Never an endpoint, whatever `is_global` of this Python's version says of them: this network, shared (CGNAT),
# 6to4 relays, IPv4-compatible, IPv4-translated, local-use NAT64, Teredo, documentation, segment routing, site-local.
_NEVER: Final = tuple(
    ip_network(network)
    for network in (
        *("0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4"),
        *("::/96", "::ffff:0:0:0/96", "64:ff9b:1::/48", "2001::/32", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)


class RefusedAddressError(OSError):
    """A webhook would go to an address that the policy refuses; an OSError, as it ends a connection attempt."""


@dataclass(frozen=True, slots=True)
class EndpointPolicy:
    """Which private networks webhooks may reach, and whether over plain http."""

    allowed_networks: tuple[Network, ...] = ()
    allow_http: bool = False

    @classmethod
    def from_settings(cls, settings: Settings) -> "EndpointPolicy":
        """Return what ROUTER_WEBHOOK_ALLOWED_NETWORKS and ROUTER_WEBHOOK_ALLOW_HTTP say."""
        return cls(settings.webhook_allowed_networks, settings.webhook_allow_http)

    def refuses(self, address: Address) -> bool:
        """Say whether no connection may be made to an address."""
        actual = _unwrapped(address)
        if any(actual in network or address in network for network in self.allowed_networks):
            return False
        return not actual.is_global or actual.is_multicast or any(actual in network for network in _NEVER)


def check_endpoint_url(url: str | None, policy: EndpointPolicy) -> URL:
    """Return the URL of a webhook, parsed as the client will parse it.

    Raises:
        RefusedError: it is no https URL (or http, where that is allowed), carries user information, or names a
            private address outright; in Azure's words (§6.4).
    """
    if (
        not url
        or len(url) > MAX_URL_LENGTH
        or any(character.isspace() or not character.isprintable() for character in url)
    ):
        raise _invalid("it is empty, too long or has blanks in it")
    try:
        # Encoded: the bytes of a query that holds a key are sent as they were given.
        parsed = URL(url, encoded=url.isascii())
        host = parsed.raw_host
        port = parsed.port
    except ValueError:
        raise _invalid("it cannot be parsed") from None
    if parsed.scheme != "https" and not (parsed.scheme == "http" and policy.allow_http):
        raise _invalid("it must begin with https://" + (" or http://" if policy.allow_http else ""))
    if not host or not port:
        raise _invalid("it names no host or a wrong port")
    if parsed.raw_user is not None or parsed.raw_password is not None:
        raise _invalid("it must not carry a user name or password")
    literal = literal_address(host)
    if literal is not None and policy.refuses(literal):
        raise refused_address(host)
    return parsed


def literal_address(host: str) -> Address | None:
    """Return the address that a host is when it is no name; also in the forms `inet_aton` takes (127.1, 0x7f000001)."""
    try:
        return ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        pass
    try:
        return IPv4Address(socket.inet_aton(host.rstrip(".")))
    except (OSError, UnicodeEncodeError):
        return None


def refused_address(host: str) -> RefusedError:
    """Return the refusal of an endpoint whose host is, or resolves to, a private address."""
    return RefusedError(
        f"Invalid event subscription request: Supplied URL is invalid. Its host {host} is not a public address.",
        target=ENDPOINT_URL,
        hint="Private networks must be allowed by ROUTER_WEBHOOK_ALLOWED_NETWORKS (such as 10.0.0.0/8).",
    )


def _invalid(why: str) -> RefusedError:
    return RefusedError(_INVALID_URL, target=ENDPOINT_URL, hint=f"The endpoint URL was refused because {why}.")


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address inside an IPv4-mapped, NAT64 or 6to4 address."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    if address in _6TO4:
        return IPv4Address((int(address) >> 80) & 0xFFFFFFFF)
    return address
