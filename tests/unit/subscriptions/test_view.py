from datetime import timedelta

from router.subscriptions.view import SubscriptionsView
from tests.builders import NOON, WORKSPACE, a_subscription
from topics.subscriptions import subscription_key


def a_view(*subscriptions):
    view = SubscriptionsView()
    for subscription in subscriptions:
        view.apply(subscription_key(subscription.id), subscription.encode())
    return view


def routed(view, source=WORKSPACE):
    filters = view.routes.of(source)
    if filters is None:
        return []
    event = type("Event", (), {"type": "T", "subject": "s"})()
    return [route.name for route in filters.match([event])[0]]


def test_a_live_subscription_is_routed_to():
    assert routed(a_view(a_subscription("one"))) == ["one"]


def test_ids_and_sources_are_compared_without_regard_to_case():
    view = a_view(a_subscription("one"))
    assert view.get(a_subscription("one").id.upper()) is not None
    assert routed(view, WORKSPACE.upper()) == ["one"]


def test_a_subscription_that_is_still_created_is_not_routed_to_but_known():
    view = a_view(a_subscription("one", provisioning_state="Creating"))
    assert routed(view) == []
    assert [s.name for s in view.all()] == ["one"]


def test_a_subscription_that_is_being_updated_stays_live():
    assert routed(a_view(a_subscription("one", provisioning_state="Updating"))) == ["one"]


def test_a_tombstone_ends_it():
    view = a_view(a_subscription("one"))
    view.apply(subscription_key(a_subscription("one").id), None)
    assert routed(view) == []
    assert view.get(a_subscription("one").id) is None


def test_an_update_replaces_the_filter():
    view = a_view(a_subscription("one"), a_subscription("one", source="/other"))
    assert routed(view) == []
    assert routed(view, "/other") == ["one"]


def test_bytes_that_are_no_subscription_change_nothing():
    view = a_view(a_subscription("one"))
    view.apply(subscription_key(a_subscription("one").id), b"{nope")
    assert routed(view) == ["one"]


def test_routes_are_the_same_object_until_something_changes():
    view = a_view(a_subscription("one"))
    before = view.routes
    assert view.routes is before
    view.apply(subscription_key(a_subscription("two").id), a_subscription("two").encode())
    assert view.routes is not before


def test_routes_name_every_topic_that_is_written_to():
    view = a_view(a_subscription("one"), a_subscription("two", provisioning_state="Failed"))
    assert view.routes.topics == {"subscriber.one"}


def test_an_expired_subscription_is_routed_to_no_more():
    view = a_view(a_subscription("one", expiration=NOON), a_subscription("two"))
    view.expire(NOON - timedelta(seconds=1))
    assert sorted(routed(view)) == ["one", "two"]
    view.expire(NOON)
    assert routed(view) == ["two"]
    view.apply(subscription_key(a_subscription("one").id), None)
    assert view.get(a_subscription("one").id) is None
