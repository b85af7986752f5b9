from datetime import timedelta

import pytest

from router.subscriptions.view import SubscriptionsView
from tests.builders import NOON, WORKSPACE, a_subscription
from topics.subscriptions import TopicSink, subscription_key


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


@pytest.mark.parametrize("name", ["", "no such/name", "ä", "n" * 250])
def test_one_whose_topic_could_not_be_made_is_not_routed_to(name):
    view = a_view(a_subscription("one", sink=TopicSink(name=name)), a_subscription("two"))
    assert routed(view) == ["two"]
    assert view.routes.topics == {"subscriber.two"}


def test_one_that_expires_at_a_time_of_nowhere_is_ignored_and_others_expire():
    view = a_view(a_subscription("one"), a_subscription("two", expiration=NOON))
    nowhere = a_subscription("one").encode().replace(b'"expiration":null', b'"expiration":"2030-01-01T00:00:00"')
    assert b"2030-01-01" in nowhere
    view.apply(subscription_key(a_subscription("one").id), nowhere)
    view.expire(NOON + timedelta(seconds=1))
    assert routed(view) == ["one"]


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


def test_a_topic_is_named_as_long_as_any_live_subscription_writes_to_it():
    shared = a_subscription("two", sink=TopicSink(name="one"))
    view = a_view(a_subscription("one"), shared)
    before = view.routes.topics
    view.apply(subscription_key(shared.id), shared.encode())
    assert view.routes.topics is before
    view.apply(subscription_key(a_subscription("one").id), None)
    assert view.routes.topics is before
    view.apply(subscription_key(shared.id), None)
    assert view.routes.topics == set()


def test_an_expired_subscription_is_routed_to_no_more():
    view = a_view(a_subscription("one", expiration=NOON), a_subscription("two"))
    view.expire(NOON - timedelta(seconds=1))
    assert sorted(routed(view)) == ["one", "two"]
    view.expire(NOON)
    assert routed(view) == ["two"]
    view.apply(subscription_key(a_subscription("one").id), None)
    assert view.get(a_subscription("one").id) is None


GROUP = "/subscriptions/s/resourceGroups/g"
CATS, DOGS = (f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/{name}" for name in ("cats", "dogs"))
WANTED = [("one", CATS), ("group", GROUP), ("all", "/subscriptions/S"), ("other", GROUP + "2")]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_who_asks_for_a_group_gets_the_events_of_every_source_in_it(order):
    view = a_view(*(a_subscription(WANTED[at][0], source=WANTED[at][1]) for at in order))
    assert sorted(routed(view, CATS)) == ["all", "group", "one"]
    assert sorted(routed(view, DOGS)) == ["all", "group"]
    assert routed(view, DOGS.replace("/g/", "/h/")) == ["all"]
    assert routed(view, "/subscriptions/t/resourceGroups/g/providers/x/y/z") == []


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0)])
def test_a_group_that_is_no_longer_asked_for_is_forgotten_everywhere(order):
    view = a_view(*(a_subscription(WANTED[at][0], source=WANTED[at][1]) for at in order))
    view.apply(subscription_key(a_subscription("group").id), None)
    assert sorted(routed(view, CATS)) == ["all", "one"]
    assert routed(view, DOGS) == ["all"]
    view.apply(subscription_key(a_subscription("one").id), None)
    assert routed(view, CATS) == ["all"]
