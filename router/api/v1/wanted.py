"""Who wants an event: the filters as they are now, of subscriptions that were there when it was accepted."""

from datetime import datetime

from router.events.conversion import to_schema
from router.events.envelope import Headers, UnreadableEventError, origin_of, read_envelope
from router.subscriptions.view import SubscriptionsView
from topics.subscriptions import Subscription


def wanted_by(
    view: SubscriptionsView, value: bytes | None, headers: Headers, accepted_at: datetime
) -> list[Subscription]:
    """Return the live subscriptions that want an event and are older than it, by name."""
    try:
        envelope = read_envelope(value, headers)
        body = to_schema(value or b"", headers, None)
    except UnreadableEventError:
        return []
    filters = view.routes.of(origin_of(envelope, headers))
    if filters is None:
        return []
    found = [view.get(route.subscription_id) for route in filters.match([envelope], [body])[0]]
    return sorted((one for one in found if one is not None and one.created_at <= accepted_at), key=lambda one: one.name)
