"""The demo's four subscriptions, and what each must get of the events; pure."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from router.client.resource_ids import local_event_hub_id
from router.events.envelope import Envelope
from router.filters.clauses import Clause, clauses_of
from router.filters.index import Index
from router.filters.operators import EVENT_TYPE_IN, SUBJECT_BEGINS_WITH
from topics.events import MACHINE_LEARNING
from topics.subscribers import subscriber_topic
from topics.subscriptions import Filter

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wish:
    """A subscription of the demo; `answer` is what its webhook answers, None that it is a topic."""

    name: str
    wants: Filter
    answer: int | None = None
    max_delivery_attempts: int | None = None

    @property
    def topic(self) -> str | None:
        """Its topic, unless it is a webhook."""
        return subscriber_topic(self.name) if self.answer is None else None

    @property
    def is_broken(self) -> bool:
        """Whether its webhook refuses everything."""
        return self.answer is not None and self.answer >= HTTPStatus.BAD_REQUEST

    def why_not(self, event: Envelope) -> str | None:
        """Say which condition keeps an event out, by the engine that routes; None when all hold."""
        return next((_words(clause) for clause in clauses_of(self.wants) if not _holds(clause, event)), None)

    def properties(self, receiver: str) -> Json:
        """Return the subscription as ARM takes it; `receiver` is the base URL of the demo's webhooks."""
        given = {
            "includedEventTypes": self.wants.included_event_types,
            "subjectBeginsWith": self.wants.subject_begins_with or None,
        }
        properties: Json = {
            "destination": self._destination(receiver),
            "filter": {name: value for name, value in given.items() if value is not None},
        }
        if self.max_delivery_attempts is not None:
            properties["retryPolicy"] = {"maxDeliveryAttempts": self.max_delivery_attempts}
        return properties

    def _destination(self, receiver: str) -> Json:
        if self.answer is None:
            return {"endpointType": "EventHub", "properties": {"resourceId": local_event_hub_id(self.name)}}
        return {"endpointType": "WebHook", "properties": {"endpointUrl": f"{receiver}/{self.name}"}}


def _types(*names: str) -> tuple[str, ...]:
    return tuple(MACHINE_LEARNING + name for name in names)


WISHES: Final = (
    Wish("everything", Filter()),
    Wish("models", Filter(included_event_types=_types("ModelRegistered"), subject_begins_with="models/ncd")),
    Wish("alerts", Filter(included_event_types=_types("RunStatusChanged", "DatasetDriftDetected")), HTTPStatus.OK),
    Wish("broken", Filter(included_event_types=_types("ModelDeployed")), HTTPStatus.INTERNAL_SERVER_ERROR, 2),
)
"""All events on a topic, a few on another, some to a webhook, and some to a webhook that always fails."""


def short_type(event_type: str) -> str:
    """Return an event type without the prefix that all of machine learning's share."""
    return event_type.removeprefix(MACHINE_LEARNING)


def _holds(clause: Clause, event: Envelope) -> bool:
    index: Index[bool] = Index()
    index.add("clause", [clause], target=True)
    return bool(index.snapshot().match([event])[0])


def _words(clause: Clause) -> str:
    match clause.operator, clause.expected:
        case str(operator), (str(), *_) as types if operator == EVENT_TYPE_IN:
            return f"the type is not {' or '.join(short_type(str(name)) for name in types)}"
        case str(operator), str(text) if operator == SUBJECT_BEGINS_WITH:
            return f"the subject does not begin with {text}"
        case operator, expected:
            return f"{clause.path}: {operator} {expected} does not hold"
