"""The two evaluators of one filter against one event: the slow reference and the engine itself."""

from router.events.envelope import Envelope, read_envelope
from router.filters.clauses import clauses_of
from router.filters.index import Index
from tests.unit.filters import reference
from topics.events import CLOUD_EVENT_JSON
from topics.subscriptions import Filter

CLOUD_EVENT_MARK = b'"specversion"'


def envelope_of(body: bytes) -> Envelope:
    """The envelope of an event in either schema."""
    return read_envelope(body, [("content-type", CLOUD_EVENT_JSON)] if CLOUD_EVENT_MARK in body else [])


def by_reference(wanted: Filter, body: bytes) -> bool:
    """What the rules say."""
    return reference.matches(wanted, envelope_of(body), body)


def by_engine(wanted: Filter, body: bytes) -> bool:
    """What the index finds."""
    return ids_found({"it": wanted}, body) == ["it"]


def an_index(filters: dict) -> Index:
    """An index of some filters, each found as its key."""
    index = Index()
    for key, wanted in filters.items():
        index.add(key, clauses_of(wanted), key)
    return index


def ids_found(filters: dict, body: bytes) -> list:
    """The keys of the filters that the index finds for an event."""
    (found,) = an_index(filters).snapshot().match([envelope_of(body)], [body])
    return found


EVALUATORS = {"reference": by_reference, "engine": by_engine}
