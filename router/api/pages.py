"""Lists: filtered by name, cut into pages that link to one another (§8.1)."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter
from typing import Final, Protocol, TypeVar

from router.api.answers import Json
from router.api.calls import Call
from router.api.json_bodies import refused
from router.api.list_filters import list_filter
from router.errors import RefusedError

PAGE_SIZES: Final = range(1, 1001)


class Named(Protocol):
    """A resource that can stand in a list."""

    @property
    def id(self) -> str:
        """Its resource id."""
        ...

    @property
    def name(self) -> str:
        """Its name."""
        ...


Resource = TypeVar("Resource", bound=Named)


def page(
    call: Call,
    resources: Iterable[Resource],
    shown: Callable[[Resource], Json],
    *,
    fields: Mapping[str, Callable[[Resource], str]] | None = None,
) -> Json:
    """Return the page of `resources` that the call asks for; `fields` are what `$filter` may ask for, else the name.

    Raises:
        RefusedError: `$filter`, `$top` or `$skiptoken` is not allowed.
    """
    wanted = _wanted(call, fields or {"name": lambda one: one.name})
    size, after = _page_size(call), _position(call)
    # Ordered by id, so that pages fit together whatever comes and goes between two of them.
    keyed = ((one.id.lower(), one) for one in resources if wanted is None or wanted(one))
    ordered = sorted((pair for pair in keyed if pair[0] > after), key=itemgetter(0))
    chosen = ordered[:size]
    next_link = _next_link(call, chosen[-1][0]) if len(ordered) > size else None
    return {"value": [shown(one) for _, one in chosen], "nextLink": next_link}


def _wanted(call: Call, fields: Mapping[str, Callable[[Resource], str]]) -> Callable[[Resource], bool] | None:
    text = call.query.get("$filter", "")
    if not text.strip():  # `az resource list` sends an empty one
        return None
    is_wanted = list_filter(text, tuple(fields))
    return lambda one: is_wanted({name: read(one) for name, read in fields.items()})


def _page_size(call: Call) -> int:
    text = call.query.get("$top")
    if text is None:
        return PAGE_SIZES[-1]
    if not re.fullmatch(r"[0-9]{1,9}", text) or int(text) not in PAGE_SIZES:
        raise refused("$top", text, f"a whole number from {PAGE_SIZES[0]} to {PAGE_SIZES[-1]}")
    return int(text)


def _position(call: Call) -> str:
    token = call.query.get("$skiptoken", "")
    try:
        return urlsafe_b64decode(token).decode()
    except ValueError:
        raise RefusedError("$skiptoken: it is not one that a nextLink gave.", target="$skiptoken") from None


def _next_link(call: Call, last: str) -> str:
    token = urlsafe_b64encode(last.encode()).decode()
    kept = [(name, value) for name, value in call.query.items() if name != "$skiptoken"]
    return call.url(call.path, [*kept, ("$skiptoken", token)])
