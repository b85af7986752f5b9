"""Call: one request to the management API, free of HTTP's machinery; and what every call must say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlencode

from router.api.json_bodies import Members, read_object
from router.errors import RefusedError
from router.identity.callers import NOBODY, Caller

API_VERSIONS: Final = ("2021-10-15-preview", "2022-06-15", "2025-02-15")
"""The versions of Event Grid's API that are understood (design §8)."""


@dataclass(frozen=True, slots=True)
class Call:
    """Method, path, query and body of a request, and whose it is; `base_url` is how the caller reached this server."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes
    base_url: str
    caller: Caller = NOBODY
    if_match: str | None = None
    """The ETag that the caller expects the resource to have."""
    if_none_match: str | None = None
    """`*` when the caller expects that there is no such resource."""

    @property
    def api_version(self) -> str:
        """The version that the caller asks for."""
        return self.query.get("api-version", "")

    def members(self) -> Members:
        """Return the body, a JSON object; raises RefusedError for anything else."""
        return read_object(self.body)

    def flag(self, name: str) -> bool:
        """Return whether a query parameter is `true`; raises RefusedError when it is neither true nor false."""
        text = self.query.get(name, "false").lower()
        if text not in ("true", "false"):
            raise RefusedError(f"{name}: {text!r} is not allowed; it must be true or false.", target=name)
        return text == "true"

    def url(self, path: str, query: Iterable[tuple[str, str]]) -> str:
        """Return an absolute URL of this server, as the caller reaches it."""
        return f"{self.base_url}{quote(path)}?{urlencode(list(query))}"


def check_api_version(call: Call, *, of_event_grid: bool) -> None:
    """Refuse a call that names no api-version, or for Event Grid's own resources one that is not understood.

    Raises:
        RefusedError: with ARM's codes.
    """
    if not call.api_version:
        raise RefusedError(
            "The api-version query parameter (?api-version=) is required for all requests.",
            code="MissingApiVersionParameter",
            target="api-version",
        )
    if of_event_grid and call.api_version.lower() not in API_VERSIONS:
        raise RefusedError(
            f"The api-version '{call.api_version[:80]}' is invalid. "
            f"The supported versions are '{','.join(API_VERSIONS)}'.",
            code="InvalidApiVersionParameter",
            target="api-version",
        )
