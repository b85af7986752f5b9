"""Roles (design §10): what each of them lets its holder do, on a scope and on everything below it."""

from collections.abc import Iterable
from typing import Final, Literal

from topics.resources import Role, RoleAssignment

Action = Literal["read", "write", "send"]
"""To look; to change anything or see a secret; to publish events."""

EVERYWHERE: Final = "/"

_GRANTED: Final[dict[Role, frozenset[Action]]] = {
    "Owner": frozenset(("read", "write")),
    "Contributor": frozenset(("read", "write")),
    "Reader": frozenset(("read",)),
    "EventGrid Data Sender": frozenset(("send",)),
}


def allows(assignments: Iterable[RoleAssignment], action: Action, scope: str) -> bool:
    """Say whether any of the assignments lets its holder do `action` on `scope`."""
    return any(action in _GRANTED[one.role] and covers(one.scope, scope) for one in assignments)


def covers(assigned: str, scope: str) -> bool:
    """Say whether `scope` is `assigned` or below it; compared segment by segment without regard to case."""
    above, below = _segments(assigned), _segments(scope)
    return below[: len(above)] == above


def _segments(path: str) -> list[str]:
    return [segment for segment in path.lower().split("/") if segment]
