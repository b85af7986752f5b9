"""Lists, filtered and cut into pages."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from router.api.bodies import subscription_json
from router.api.calls import Call
from router.api.pages import page
from router.errors import RefusedError
from tests.builders import WORKSPACE, a_subscription
from topics import Subscription


def a_call(**query: str) -> Call:
    return Call("GET", WORKSPACE, {"api-version": "2025-02-15"} | query, b"", "http://router")


def names_of(call: Call, resources: list[Subscription]) -> tuple[list[str], str | None]:
    answer = page(call, resources, lambda one: {"name": one.name})
    return [one["name"] for one in answer["value"]], answer["nextLink"]


SUBSCRIPTIONS = [a_subscription(name) for name in ("cats", "Ants", "bees")]


def test_a_list_is_ordered_and_whole_without_top():
    assert names_of(a_call(), SUBSCRIPTIONS) == (["Ants", "bees", "cats"], None)


def test_the_next_link_goes_on_where_the_page_ended_whatever_came_and_went():
    names, link = names_of(a_call(**{"$top": "2", "$filter": "contains(name,'s')"}), SUBSCRIPTIONS)
    assert names == ["Ants", "bees"]
    assert link is not None
    query = dict(parse_qsl(urlsplit(link).query))
    assert urlsplit(link).path == WORKSPACE
    assert query["$filter"] == "contains(name,'s')"
    changed = [a_subscription("cats"), a_subscription("aardvarks")]
    assert names_of(Call("GET", WORKSPACE, query, b"", "http://router"), changed) == (["cats"], None)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("name eq 'ants'", ["Ants"]),
        ("Name EQ 'ant'", []),
        ("contains(name, 'EE')", ["bees"]),
        ("Contains( name ,'s')", ["Ants", "bees", "cats"]),
        ("name eq 'it''s'", []),
    ],
)
def test_filters_choose_by_name_without_regard_to_case(text: str, names: list[str]):
    assert names_of(a_call(**{"$filter": text}), SUBSCRIPTIONS)[0] == names


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ({"$filter": "location eq 'x'"}, "name eq '<name>'"),
        ({"$filter": "name eq 'x"}, "name eq '<name>'"),
        ({"$top": "0"}, "1 to 1000"),
        ({"$top": "many"}, "1 to 1000"),
        ({"$skiptoken": "é"}, "nextLink"),
        ({"$skiptoken": "_w=="}, "nextLink"),
    ],
)
def test_wrong_parameters_are_refused_with_words(query: dict[str, Any], words: str):
    with pytest.raises(RefusedError, match=words):
        names_of(a_call(**query), SUBSCRIPTIONS)


def test_ten_thousand_subscriptions_take_ten_pages():
    many = [a_subscription(f"alerts-{number:05}") for number in range(10_000)]
    call, seen = a_call(), 0
    while True:
        answer = page(call, many, lambda one: subscription_json(one, of_workspace=True))
        seen += len(answer["value"])
        if answer["nextLink"] is None:
            break
        call = Call("GET", WORKSPACE, dict(parse_qsl(urlsplit(answer["nextLink"]).query)), b"", "http://router")
    assert seen == 10_000
