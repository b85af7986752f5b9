"""What of the history a caller may look at or change: all of it, or that of the subscriptions in their scope."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request

from router.api.v1 import shapes
from router.errors import ForbiddenError, NotFoundError
from router.identity.callers import Caller
from router.identity.roles import EVERYWHERE, Action
from router.subscriptions.view import SubscriptionsView

_READING = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a caller's roles reach for one request; sub-scopes count by the ids of subscriptions and sources."""

    caller: Caller
    action: Action

    @property
    def is_everything(self) -> bool:
        """Whether it is all that this router has."""
        return self.covers(EVERYWHERE)

    def covers(self, resource_id: str) -> bool:
        """Say whether a subscription or source is in reach."""
        return self.caller.may(self.action, resource_id)

    def check_subscription(self, wanted: str | None, view: SubscriptionsView) -> None:
        """Refuse to answer about subscriptions that are not in reach; without a name all are meant.

        Raises:
            ForbiddenError: not all that is asked for is in reach.
        """
        if self.is_everything or (wanted is not None and all(map(self.covers, _ids(wanted, view)))):
            return
        raise self.refusal("Name an event subscription of your own by its resource id.")

    def check_something(self) -> None:
        """Refuse a caller whose roles reach nothing.

        Raises:
            ForbiddenError: no role allows the action anywhere.
        """
        if not any(self.caller.may(self.action, one.scope) for one in self.caller.assignments):
            raise self.refusal()

    def of_event(self, found: shapes.Event) -> shapes.Event:
        """Return of what became of an event what is in reach: all for who may look at its source.

        Raises:
            NotFoundError: neither its source nor one of its subscriptions is in reach.
        """
        members = found.event if isinstance(found.event, dict) else {}
        source = members.get("topic") or members.get("source")
        if self.is_everything or (isinstance(source, str) and self.covers(source)):
            return found
        deliveries = [one for one in found.deliveries if self.covers(one.subscription)]
        if not deliveries:
            raise NotFoundError("No event with that id is known.")
        return found.model_copy(update={"deliveries": deliveries})

    def refusal(self, hint: str | None = None) -> ForbiddenError:
        """Return the refusal of what is not in reach."""
        verb = "look at" if self.action == "read" else "change"
        return ForbiddenError(f"'{self.caller.name}' may not {verb} this.", hint)


def reach_of(caller: Caller, method: str, *, only_reads: bool = False) -> Reach:
    """Return how far a request reaches; a POST changes something unless it `only_reads`."""
    return Reach(caller, "read" if only_reads or method in _READING else "write")


def _ids(wanted: str, view: SubscriptionsView) -> list[str]:
    """Return the ids that a name or an id means; an id also of what is gone."""
    if wanted.startswith("/"):
        return [wanted]
    return [one.id for one in view.all() if one.name.lower() == wanted.lower()] or [EVERYWHERE]


def _of_request(request: Request) -> Reach:
    reach: Reach = request.state.reach
    return reach


Reaching = Annotated[Reach, Depends(_of_request)]
"""The reach of a request, which its route has found out."""
