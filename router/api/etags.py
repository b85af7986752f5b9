"""ETags: so that of two who change a subscription at once the second one learns of the first."""

from router.api.calls import Call
from router.errors import PreconditionError
from topics import Subscription


def etag_of(subscription: Subscription) -> str:
    """Return the ETag of a subscription: its version, which each change makes anew."""
    return f'"{subscription.updated_at.timestamp():.6f}"'


def check_match(call: Call, stored: Subscription | None) -> None:
    """Refuse a change of something else than the caller expects; without If-Match the last writer wins.

    Raises:
        PreconditionError: the ETag is another one, or there is no subscription.
    """
    if stored is not None and call.if_none_match is not None and call.if_none_match.strip() == "*":
        message = "There is such an event subscription already, and If-None-Match asks that there be none."
        raise PreconditionError(message, target="If-None-Match")
    if call.if_match is None:
        return
    wanted = {one.strip() for one in call.if_match.split(",")}
    if stored is None or not wanted & {"*", etag_of(stored)}:
        message = "The event subscription was changed meanwhile: its ETag is not that of If-Match."
        raise PreconditionError(message, target="If-Match")
