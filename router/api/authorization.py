"""Whether a caller may do what a call asks for: which action it is, and on which scope (design §10)."""

from typing import Final

from router.api.calls import Call
from router.api.paths import (
    AzureSubscriptions,
    Locations,
    OperationPath,
    Providers,
    ResourcePath,
    ResourcesInGroup,
    Tenants,
    TopicTypes,
)
from router.errors import ForbiddenError
from router.identity.roles import EVERYWHERE, Action

_READING: Final = ("GET", "HEAD")
_OPEN: Final = (Tenants, AzureSubscriptions, Locations, TopicTypes, ResourcesInGroup)
"""What every caller may look at: nothing of it is anybody's, or only what the caller may look at is shown."""


def check_authorization(call: Call, path: ResourcePath) -> None:
    """Refuse a call that its caller's roles do not reach.

    Raises:
        ForbiddenError: in ARM's words.
    """
    action: Action = "read" if call.method in _READING else "write"
    if action == "read" and isinstance(path, (*_OPEN, Providers)):
        return
    scope = call.query.get("resource", EVERYWHERE) if isinstance(path, OperationPath) else call.path
    if not call.caller.may(action, scope):
        raise ForbiddenError(
            f"The client '{call.caller.name}' with object id '{call.caller.object_id}' does not have authorization to "
            f"perform action '{_name_of(call)}' over scope '{call.path[:300]}' or the scope is invalid. If access was "
            "recently granted, please refresh your credentials.",
            target=call.path[:300],
        )


def _name_of(call: Call) -> str:
    """Return the action as Azure calls it: `Microsoft.EventGrid/eventSubscriptions/write`."""
    verb = {"GET": "read", "HEAD": "read", "PUT": "write", "PATCH": "write", "DELETE": "delete"}.get(
        call.method, "action"
    )
    _, found, tail = call.path.lower().rpartition("/providers/")
    segments = [segment for segment in (call.path[-len(tail) :] if found else call.path).split("/") if segment]
    kept = [segments[0], *segments[1::2]] if found and segments else segments[::2]
    return "/".join([*kept, verb])[:200]
