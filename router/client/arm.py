"""The ARM API (§8), as the commands use it: plain requests, and waiting for what the service finishes later."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx
import msgspec

from router.client.access import Access, start_hint
from router.client.connection import open_connection
from router.client.errors import error_of
from router.client.resource_ids import EVENT_GRID_VERSION
from router.errors import RefusedError, RouterError

SETTLED: Final = frozenset({"Succeeded", "Failed", "Canceled"})
FIRST_PAUSE_SECONDS: Final = 0.05
LONGEST_PAUSE_SECONDS: Final = 1.0

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """A body, the operation to ask when it is not finished yet, and what the service warns of."""

    status: int
    body: Json
    operation: str | None
    warnings: tuple[str, ...]
    etag: str | None = None


class ArmClient:
    """Talks to one server as its administrator."""

    def __init__(self, access: Access, transport: httpx.BaseTransport | None = None) -> None:
        self._access = access
        self._client = open_connection(access, {"authorization": f"Bearer {access.token}"}, transport)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        conditions: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request; a given `query` replaces that of the path, `conditions` are headers such as If-Match.

        Raises:
            PreconditionError: a condition does not hold.
            RouterError: nobody answers, or the answer is a refusal.
        """
        try:
            response = self._client.request(method, path, json=body, params=query, headers=conditions)
        except httpx.TransportError as error:
            raise RouterError(
                f"no router answers at {self._access.server}", hint=start_hint(self._access.data_dir)
            ) from error
        if response.is_error:
            raise error_of(response)
        return _answer(response)

    def get(self, path: str, query: Mapping[str, str] = EVENT_GRID_VERSION) -> Json:
        """Return a resource."""
        return self.request("GET", path, query).body

    def pages(self, path: str, query: Mapping[str, str] = EVENT_GRID_VERSION) -> Iterator[Json]:
        """Give every resource of a list, page by page."""
        page = self.request("GET", path, query).body
        while True:
            yield from page.get("value", [])
            if not page.get("nextLink"):
                return
            page = self.request("GET", _path_of(page["nextLink"])).body

    def wait_until_settled(self, path: str, answer: Answer) -> Json:
        """Return the resource once its state is terminal; raises as `wait` does."""
        self.wait(path, answer)
        return self.get(path)

    def wait(
        self,
        path: str,
        answer: Answer,
        *,
        limit_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Return once what the answer began is finished.

        Raises:
            RefusedError: it failed; the message is the service's.
            RouterError: it is not finished within the limit.
        """
        end, pause = clock() + limit_seconds, FIRST_PAUSE_SECONDS
        state, failure = _state_of(answer)
        while state not in SETTLED:
            if clock() >= end:
                raise RouterError(
                    f"still {state} after {limit_seconds:.0f} seconds",
                    hint="It goes on by itself: ask again with `router event-subscription show`.",
                )
            sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
            state, failure = self._ask(path, answer)
        if state != "Succeeded":
            raise RefusedError(failure or f"the operation ended as {state}", code=state)

    def _ask(self, path: str, answer: Answer) -> tuple[str, str | None]:
        if answer.operation is None:
            return _state_of(self.request("GET", path, EVENT_GRID_VERSION))
        body = self.request("GET", answer.operation).body
        return str(body.get("status", "Unknown")), _message(body)


def _state_of(answer: Answer) -> tuple[str, str | None]:
    """Return the provisioning state; an empty body with an operation is under way, one without is done."""
    unsaid = "Succeeded" if answer.operation is None else "InProgress"
    properties = answer.body.get("properties") or {}
    return str(properties.get("provisioningState", unsaid)), _message(answer.body)


def _answer(response: httpx.Response) -> Answer:
    operation = response.headers.get("azure-asyncoperation")
    return Answer(
        response.status_code,
        _object(response),
        None if operation is None else _path_of(operation),
        _warnings(response.headers.get("x-router-warnings")),
        response.headers.get("etag"),
    )


def _object(response: httpx.Response) -> Json:
    if not response.content:
        return {}
    try:
        body = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise RouterError(
            f"{response.url.copy_with(query=None)} does not answer as a router does",
            hint="Another program may listen there.",
        ) from None
    return body if isinstance(body, dict) else {"value": body}


def _warnings(header: str | None) -> tuple[str, ...]:
    """Read the header x-router-warnings, a JSON list of sentences."""
    try:
        return () if header is None else tuple(msgspec.json.decode(header, type=list[str]))
    except msgspec.DecodeError:
        return (header or "",)


def _message(body: Json) -> str | None:
    match body:
        case {"error": {"message": str(message)}}:
            return message
        case _:
            return None


def _path_of(url: str) -> str:
    """Return path and query: the service may know itself under a name that this machine cannot reach."""
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
