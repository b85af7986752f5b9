"""What the topics tell of the demo's events: records become observations."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from router.client.resource_ids import last_segment
from router.demo.board import Attempted, GivenUp, Observation, Postponed, Written
from router.demo.plan import Wish
from router.events.envelope import read_envelope
from router.kafka.reading import reading
from topics import ATTEMPTS, DEAD_LETTERS, RETRIES, DeadLetter, Delivery, DeliveryAttempt
from topics.dead_letters import CLOUD_EVENT_NAMES
from topics.retries import DELAYS

FIRST_RETRIES = RETRIES[DELAYS[0]].name
POLL_MS = 100

Headers = Sequence[tuple[str, bytes]]


class Observer:
    """Reads the subscriptions' topics, the attempts, the first retry topic and the dead letters."""

    def __init__(self, consumer: AIOKafkaConsumer, wishes: Mapping[str, str]) -> None:
        self._consumer = consumer
        self._wishes = wishes

    async def next(self) -> list[Observation]:
        """Return what came since the last call; waits a moment when nothing did."""
        polled = await self._consumer.getmany(timeout_ms=POLL_MS)
        records: list[ConsumerRecord] = [record for partition in polled.values() for record in partition]
        observed = (observe(record.topic, record.key, record.value, record.headers, self._wishes) for record in records)
        return [observation for observation in observed if observation is not None]


@asynccontextmanager
async def observing(bootstrap_servers: str, wishes: Sequence[Wish]) -> AsyncIterator[Observer]:
    """Give an observer of everything that is written from now on."""
    by_topic = {wish.topic: wish.name for wish in wishes if wish.topic is not None}
    topics = [*by_topic, ATTEMPTS.name, FIRST_RETRIES, DEAD_LETTERS.name]
    async with reading(bootstrap_servers, topics, from_beginning=False) as consumer:
        yield Observer(consumer, by_topic)


def observe(
    topic: str, key: bytes | None, value: bytes, headers: Headers, wishes: Mapping[str, str]
) -> Observation | None:
    """Return what a record tells; `wishes` are the subscriptions' names by their topics."""
    if topic in wishes:
        return Written(wishes[topic], read_envelope(value, headers).id)
    if topic == ATTEMPTS.name:
        attempt = DeliveryAttempt.model_validate_json(value)
        name = last_segment(attempt.subscription)
        return Attempted(name, attempt.event_id, attempt.attempt, attempt.outcome, attempt.status)
    if topic == FIRST_RETRIES:
        delivery = Delivery.from_record(value, headers)
        if delivery.due is None:
            return None
        event_id = read_envelope(delivery.event, delivery.event_headers).id
        return Postponed(last_segment(delivery.subscription_id), event_id, delivery.due)
    return _dead_letter(key or b"", value)


def _dead_letter(key: bytes, value: bytes) -> GivenUp:
    members = msgspec.json.decode(value)
    for name, lower in CLOUD_EVENT_NAMES.items():
        members.setdefault(name, members.get(lower))
    letter = DeadLetter.model_validate(members)
    return GivenUp(
        last_segment(key.decode()), str(members.get("id")), letter.dead_letter_reason, letter.delivery_attempts
    )
