"""Publishing in an open loop: events are sent when they are due, whatever became of those before them."""

import asyncio
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final, Protocol

import aiohttp

from router.errors import RouterError
from router.kafka.producer import KafkaProducer, Message
from router.loadtest.ledger import Ledger
from router.loadtest.plan import Plan, Planned, due
from topics import WORKSPACE_EVENTS

MOST_AT_ONCE: Final = 500
REQUESTS: Final = 64
TICK_SECONDS: Final = 0.002


class Way(Protocol):
    """A way in: returns once the router (or Kafka) has acknowledged the events."""

    async def send(self, events: Sequence[Planned]) -> None:
        """Send events that are due."""
        ...


class KafkaWay:
    """As any Kafka producer writes to workspace.events."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer

    async def send(self, events: Sequence[Planned]) -> None:
        """Write the events with the subject as key."""
        await self._producer.send_all(
            WORKSPACE_EVENTS.name, [Message(event.subject.encode(), event.body, event.headers) for event in events]
        )


class HttpWay:
    """As the Azure SDK posts to the publish endpoint."""

    def __init__(self, session: aiohttp.ClientSession, url: str, key: str) -> None:
        self._session, self._url = session, url
        self._headers = {"aeg-sas-key": key, "content-type": "application/json; charset=utf-8"}

    async def send(self, events: Sequence[Planned]) -> None:
        """Post one batch.

        Raises:
            RouterError: it was not accepted.
        """
        body = b"[" + b",".join(event.body for event in events) + b"]"
        try:
            async with self._session.post(self._url, data=body, headers=self._headers) as answer:
                if answer.status != HTTPStatus.OK:  # the one status that means accepted (§3.2)
                    raise RouterError(f"the publish endpoint answered {answer.status}: {(await answer.text())[:200]}")
        except aiohttp.ClientError as error:
            # Not sent again: whether it was accepted is not known, and a repeat would count as doubled.
            raise RouterError(f"the publish endpoint broke off: {error}") from error


async def publish(plan: Plan, way: Way, rate: float, ledger: Ledger, tell: Callable[[int], None]) -> float:
    """Publish every event of the plan and return how many seconds it took; raises what the way raises."""
    start, sent = time.time(), 0
    under_way: set[asyncio.Task[None]] = set()
    while sent < plan.events:
        count = min(plan.events - sent, MOST_AT_ONCE, _due_count(time.time() - start, rate, sent))
        if not count or len(under_way) >= REQUESTS:
            await asyncio.sleep(TICK_SECONDS)
            under_way = _still_under_way(under_way)
            continue
        now = time.time()
        events = [plan.event(number) for number in range(sent, sent + count)]
        for event in events:
            ledger.publish(event.number, start + due(event.number, rate) if rate > 0 else now)
        under_way.add(asyncio.create_task(way.send(events)))
        sent += count
        tell(sent)
        await asyncio.sleep(0)
    await asyncio.gather(*under_way)
    return time.time() - start


def _due_count(elapsed: float, rate: float, sent: int) -> int:
    return MOST_AT_ONCE if rate <= 0 else max(0, int(elapsed * rate) + 1 - sent)


def _still_under_way(tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    for task in tasks:
        if task.done():
            task.result()
    return {task for task in tasks if not task.done()}
