"""Publishing at a steady rate over HTTP, as the Azure SDK does; an error is noted and never published again."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Self

import aiohttp
import orjson

from benchmarks.soak_ledger import BUCKETS, Events, event_id
from router.client.access import Access
from topics.events import EVENT_TYPES

EVENTS_A_REQUEST = 10
MOST_AT_ONCE = 64
PATIENCE_SECONDS = 60.0
SUBJECTS = 200


def event(number: int) -> dict:
    """Return an event of about 500 bytes."""
    return {
        "id": event_id(number),
        "subject": f"soak/{number % BUCKETS}/{number % SUBJECTS}",
        "eventType": EVENT_TYPES[number % len(EVENT_TYPES)].name,
        "eventTime": datetime.now(UTC).isoformat(),
        "data": {"runId": f"run-{number}", "experimentName": "soak", "pad": "x" * 200},
        "dataVersion": "2",
    }


class Publisher:
    """Posts batches to the publish endpoint and notes in `events` how each call ended."""

    def __init__(self, access: Access, events: Events):
        self._url = f"{access.server}/api/events"
        self._headers = {"aeg-sas-key": access.key or "", "content-type": "application/json"}
        self._events = events
        self._under_way: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.settled()
        await self._session.close()

    async def at_rate(self, rate: float, stopping: asyncio.Event) -> None:
        """Publish at a rate until told to stop; what is due while too many calls are open is not made up for."""
        due = time.monotonic()
        while not stopping.is_set():
            due = max(due + EVENTS_A_REQUEST / rate, time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if len(self._under_way) < MOST_AT_ONCE:
                self._begin()

    async def as_fast_as_possible(self, seconds: float) -> float:
        """Publish in a closed loop; return how many events a second were accepted."""
        began, first = time.monotonic(), self._events.next_number
        while time.monotonic() - began < seconds:
            if len(self._under_way) >= MOST_AT_ONCE:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            self._begin()
        await self.settled()
        return (self._events.next_number - first) / (time.monotonic() - began)

    async def settled(self) -> None:
        """Return once every call has ended."""
        if self._under_way:
            await asyncio.wait(self._under_way)

    def _begin(self) -> None:
        task = asyncio.create_task(self._post(self._events.begin(EVENTS_A_REQUEST)))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _post(self, numbers: range) -> None:
        failure: str | None = "broken off"
        try:
            body = orjson.dumps([event(number) for number in numbers])
            async with self._session.post(self._url, data=body, headers=self._headers) as answer:
                await answer.read()
                failure = None if answer.status == 200 else str(answer.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            failure = type(error).__name__
        finally:
            self._events.end(numbers, failure)
