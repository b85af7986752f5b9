"""Keeps foreign web pages out: browsers run them on this machine, where loopback protects nothing (design §10)."""

from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

log = structlog.get_logger(__name__)

_ANY_ADDRESS = frozenset(("0.0.0.0", "::"))  # noqa: S104 (recognised, not bound)


class TrustedHosts:
    """The names under which this server may be addressed; any other is a name that an attacker made point here."""

    def __init__(self, listen_host: str, public_url: str | None = None) -> None:
        self._public = urlsplit(public_url or "").netloc.lower()
        self._names = {listen_host.lower(), (urlsplit(public_url or "").hostname or "").lower()} - {""}
        self._listens_everywhere = listen_host in _ANY_ADDRESS

    def why_refused(self, host: str | None, origin: str | None) -> str | None:
        """Say what is wrong with the Host and Origin headers of a request, or None."""
        if not self._is_trusted(_hostname(host)):
            return "The Host header does not name this server."
        if origin is not None and origin.lower().partition("://")[2] not in (
            (host or "").lower(),
            self._public or None,
        ):
            return "The Origin header names another site."
        return None

    def _is_trusted(self, name: str) -> bool:
        if name in self._names or name == "localhost" or name.endswith(".localhost"):
            return True
        try:
            address = ip_address(name)
        except ValueError:
            # A name without a dot is one of the local network: nobody can register it to lure a browser here.
            return self._listens_everywhere and bool(name) and "." not in name
        return address.is_loopback or self._listens_everywhere


class BrowserGuard:
    """ASGI middleware: answers 403 to requests that are not meant for this server; `is_exempt` tells open paths."""

    def __init__(self, app: ASGIApp, hosts: TrustedHosts, is_exempt: Callable[[str], bool]) -> None:
        self._app = app
        self._hosts = hosts
        self._is_exempt = is_exempt

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request or pass it on."""
        if scope["type"] == "http" and not self._is_exempt(scope["path"]):
            headers = Headers(scope=scope)
            reason = self._hosts.why_refused(headers.get("host"), headers.get("origin"))
            if reason is not None:
                log.info("request.refused", status=403, reason=reason)
                answer = JSONResponse({"error": {"code": "Forbidden", "message": reason}}, status_code=403)
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _hostname(host: str | None) -> str:
    try:
        return (urlsplit(f"//{host or ''}").hostname or "").lower()
    except ValueError:
        return ""
