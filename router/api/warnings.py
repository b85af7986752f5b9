"""What is allowed and yet probably not meant: told in a header, so that the body stays as the SDKs expect it."""

import json
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice

from router.api.filter_bodies import DEFAULT_TYPES
from router.api.json_bodies import shown
from router.filters.advice import covers, never_matches, only_negations
from router.filters.clauses import Clause, clauses_of
from topics.subscriptions import Filter, Subscription, TopicSink, WebhookSink

WARNINGS_HEADER = "x-router-warnings"
"""A JSON list of sentences, in ASCII."""

MOST_CHARACTERS = 4096
"""Of the header: clients give up the whole answer when a header is longer than they take, some beyond 8 KB."""

_LONGEST_SENTENCE = 300
_SHOWN_TYPES = 20
_COMPARED_LETTERS = 100
_SHOWN_ADVICE = 10
_COMPARED = 100
"""Subscriptions of an endpoint that a filter is compared with: a create stays quick with thousands of them."""


def warnings_about(wanted: Filter) -> list[str]:
    """Return a sentence for each included event type that no workspace raises (design §2)."""
    known = {name.lower(): name for name in DEFAULT_TYPES}
    unknown = [name for name in wanted.included_event_types or () if name.lower() not in known]
    return [
        f"includedEventTypes: no workspace raises {shown(name)}; "
        f"the nearest event type is {known[_nearest(name, known)]}."
        for name in unknown[:_SHOWN_TYPES]
    ]


def _nearest(name: str, known: Iterable[str]) -> str:
    return get_close_matches(name.lower()[:_COMPARED_LETTERS], list(known), n=1, cutoff=0.0)[0]


def advice_on(wanted: Subscription, others: Iterable[Subscription]) -> list[str]:
    """Return what is odd about a subscription's filter, by itself and beside the others of its endpoint."""
    clauses = clauses_of(wanted.filter)
    advice = []
    reason = never_matches(clauses)
    if reason is not None:
        advice.append(f"filter: no event can ever match: {reason}.")
    if only_negations(clauses):
        advice.append("filter: it says only what an event must not be, so that nearly every event matches.")
    beside = (one for one in others if one.id.lower() != wanted.id.lower() and _share_an_endpoint(wanted, one))
    for other in islice(beside, _COMPARED):
        advice += _overlap(clauses, other)
    return advice[:_SHOWN_ADVICE]


def _share_an_endpoint(one: Subscription, two: Subscription) -> bool:
    if one.source.lower() != two.source.lower() or not two.is_live:
        return False
    match one.sink, two.sink:
        case TopicSink(name=mine), TopicSink(name=other):
            return mine == other
        case WebhookSink(endpoint_base_url=mine), WebhookSink(endpoint_base_url=other):
            return mine == other
        case _:
            return False


def _overlap(clauses: Sequence[Clause], other: Subscription) -> list[str]:
    its = clauses_of(other.filter)
    covered, covering = covers(its, clauses), covers(clauses, its)
    if covered and covering:
        return [f"filter: {other.name} wants the same events for the same endpoint, which will get each of them twice."]
    if covered:
        return [f"filter: {other.name} sends all of these events to the same endpoint already."]
    if covering:
        return [f"filter: it wants all events that {other.name} sends to the same endpoint, which will get them twice."]
    return []


def warnings_header(warnings: Sequence[str]) -> dict[str, str]:
    """Return the header that carries the warnings, as many as it has room for; none without any."""
    told = [one if len(one) <= _LONGEST_SENTENCE else f"{one[: _LONGEST_SENTENCE - 1]}…" for one in warnings]
    while len(text := json.dumps(told)) > MOST_CHARACTERS:
        told.pop()
    return {WARNINGS_HEADER: text} if told else {}
