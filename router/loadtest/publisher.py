"""Publishing in an open loop: events are sent when they are due, whatever became of those before them."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from functools import partial
from http import HTTPStatus
from typing import Final, Protocol

import aiohttp

from router.client.batches import MAX_BATCH_BYTES
from router.errors import RouterError
from router.kafka.joint_writer import JointWriter
from router.kafka.producer import KafkaProducer, Message
from router.loadtest.ledger import Ledger
from router.loadtest.plan import Plan, Planned, due, due_by, is_dense
from topics import WORKSPACE_EVENTS

MOST_AT_ONCE: Final = 500
REQUESTS: Final = 64
KAFKA_SECONDS: Final = 120.0
TICK_SECONDS: Final = 0.002
LONG_TICK_SECONDS: Final = 0.005
"""Events that are due within a tick travel together; it is the long one where they come densely."""


class Way(Protocol):
    """A way in: returns once the router (or Kafka) has acknowledged the events."""

    async def send(self, events: Sequence[Planned]) -> None:
        """Send events that are due."""
        ...


class KafkaWay:
    """As a Kafka producer writes to workspace.events: what is due while a request is under way goes with the next."""

    def __init__(self, producer: KafkaProducer) -> None:
        write = partial(producer.write, WORKSPACE_EVENTS.name)
        self._writer = JointWriter(write, WORKSPACE_EVENTS.name, KAFKA_SECONDS)

    async def send(self, events: Sequence[Planned]) -> None:
        """Write the events with the subject as key."""
        messages = [Message(event.subject.encode(), event.body, event.headers) for event in events]
        await self._writer.write(messages, sum(len(event.body) for event in events))


class HttpWay:
    """As the Azure SDK posts to the publish endpoint."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self._session, self._url = session, url
        self._headers = {"aeg-sas-key": key, "content-type": "application/json; charset=utf-8"}

    async def send(self, events: Sequence[Planned]) -> None:
        """Post the events, in as few requests as Event Grid's limit allows (§3.8).

        Raises:
            RouterError: they were not accepted.
        """
        for bodies in requests_of([event.body for event in events], MAX_BATCH_BYTES):
            await self._post(b"[" + b",".join(bodies) + b"]")

    async def _post(self, body: bytes) -> None:
        try:
            async with self._session.post(self._url, data=body, headers=self._headers) as answer:
                if answer.status != HTTPStatus.OK:  # the one status that means accepted (§3.2)
                    raise RouterError(f"the publish endpoint answered {answer.status}: {(await answer.text())[:200]}")
        except aiohttp.ClientError as error:
            # Not sent again: whether it was accepted is not known, and a repeat would count as doubled.
            raise RouterError(f"the publish endpoint broke off: {error}") from error


def requests_of(bodies: Sequence[bytes], max_bytes: int) -> Iterator[Sequence[bytes]]:
    """Cut events into requests, in their order; one that is too large travels alone, for the service to judge."""
    first, size = 0, 2
    for place, body in enumerate(bodies):
        if place > first and size + len(body) + 1 > max_bytes:
            yield bodies[first:place]
            first, size = place, 2
        size += len(body) + 1
    if bodies:
        yield bodies[first:]


async def publish(plan: Plan, way: Way, rate: float, ledger: Ledger) -> float:
    """Publish every event of the plan and return how many seconds it took; raises what the way raises."""
    tick = LONG_TICK_SECONDS if is_dense(rate) else TICK_SECONDS
    start, sent = time.monotonic(), 0
    under_way: set[asyncio.Task[None]] = set()
    try:
        while sent < plan.events:
            elapsed = time.monotonic() - start
            count = min(plan.events, sent + MOST_AT_ONCE, due_by(elapsed, rate)) - sent
            if count <= 0 or len(under_way) >= REQUESTS:
                await asyncio.sleep(max(tick, due(sent, rate) - elapsed))
                under_way = _still_under_way(under_way)
                continue
            events = [plan.event(number) for number in range(sent, sent + int(count))]
            for event in events:
                ledger.publish(event.number, start + (due(event.number, rate) if rate > 0 else elapsed))
            under_way.add(asyncio.create_task(way.send(events)))
            sent += len(events)
            await asyncio.sleep(0)
        await asyncio.gather(*under_way)
    finally:
        for task in under_way:
            task.cancel()
    return time.monotonic() - start


def _still_under_way(tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    for task in tasks:
        if task.done():
            task.result()
    return {task for task in tasks if not task.done()}
