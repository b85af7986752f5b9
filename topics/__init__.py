"""The wire contract: every topic and every record that travels, and nothing of the router."""

from topics.attempts import ATTEMPTS, DeliveryAttempt
from topics.dead_letters import DEAD_LETTERS, DeadLetter
from topics.deliveries import DELIVERIES, Delivery
from topics.events import EVENT_TYPES, WORKSPACE_EVENTS, CloudEvent, EventGridEvent
from topics.resources import RESOURCES
from topics.retries import RETRIES, retry_topic_for
from topics.sources import SOURCES, Source
from topics.subscribers import SUBSCRIBER_EVENTS, subscriber_topic
from topics.subscriptions import SUBSCRIPTIONS, Subscription, TopicSink, WebhookSink
from topics.topic import MAX_MESSAGE_BYTES, Topic
from topics.unreadable import UNREADABLE

ALL_TOPICS: tuple[Topic, ...] = (
    WORKSPACE_EVENTS,
    DELIVERIES,
    *RETRIES.values(),
    ATTEMPTS,
    DEAD_LETTERS,
    SUBSCRIPTIONS,
    SOURCES,
    RESOURCES,
    UNREADABLE,
)
"""Every topic that exists before the first subscription; `subscriber.<name>` come with theirs."""

__all__ = [
    "ALL_TOPICS",
    "ATTEMPTS",
    "DEAD_LETTERS",
    "DELIVERIES",
    "EVENT_TYPES",
    "MAX_MESSAGE_BYTES",
    "RESOURCES",
    "RETRIES",
    "SOURCES",
    "SUBSCRIBER_EVENTS",
    "SUBSCRIPTIONS",
    "UNREADABLE",
    "WORKSPACE_EVENTS",
    "CloudEvent",
    "DeadLetter",
    "Delivery",
    "DeliveryAttempt",
    "EventGridEvent",
    "Source",
    "Subscription",
    "Topic",
    "TopicSink",
    "WebhookSink",
    "retry_topic_for",
    "subscriber_topic",
]
