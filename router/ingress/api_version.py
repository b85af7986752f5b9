"""Which version of the publish endpoint a request asks for: there is one, and naming none means that one (§3.2)."""

from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs

from router.ingress.refusals import Refusal

API_VERSION: Final = "2018-01-01"
_AS_SDKS_ASK: Final = f"api-version={API_VERSION}".encode()
_NAME: Final = "api-version"
_SHOWN: Final = 40


def unsupported_version(query: bytes, uri: Callable[[], str]) -> Refusal | None:
    """Return why a query's `api-version` is refused, or None."""
    if not query or query == _AS_SDKS_ASK:
        return None
    given = parse_qs(query.decode("latin-1"))
    version = next((values[-1] for name, values in given.items() if name.lower() == _NAME), API_VERSION)
    if version == API_VERSION:
        return None
    return Refusal(
        400,
        "UnsupportedApiVersion",
        "UnsupportedApiVersion",
        f"The HTTP resource that matches the request URI '{uri()[:200]}' does not support the API version "
        f"'{version[:_SHOWN]}'.",
        has_report=False,
    )
