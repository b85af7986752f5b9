"""Redrive: dead letters put back into delivery, and what became of them."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol
from uuid import uuid4

import structlog

from router.errors import NotFoundError, RouterError
from router.history.canary import Finish, Send, Standing, State, Wait, next_step
from router.history.reader import DeadLetter, HistoryReader, Selection
from router.history.stored_records import Records
from router.kafka.producer import Message, Producer
from router.kafka.tasks import Tasks
from topics import DEAD_LETTERS, DELIVERIES
from topics.dead_letters import CLOUD_EVENT_NAMES
from topics.deliveries import Delivery, Headers
from topics.subscriptions import PushSink, Subscription, subscription_key

log = structlog.get_logger(__name__)

LOOK_SECONDS: Final = 0.25
SENT_AT_ONCE: Final = 500
MOST: Final = 100_000
REMEMBERED: Final = 100
_VALUE: Final = rb'(?:"[^"]*"|[0-9]+)'
# All five and no more: an event may have been a dead letter before, and then has fields of these names of its own.
_ADDED: Final = re.compile(
    b",?" + b",".join(b'"%b":%b' % (name.encode(), _VALUE) for name in CLOUD_EVENT_NAMES) + rb"\}\Z", re.IGNORECASE
)


class Subscriptions(Protocol):
    """What is asked of the view."""

    def get(self, resource_id: str) -> Subscription | None:
        """Return a subscription, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Redrive:
    """A redrive and how far it is."""

    id: str
    selection: Selection
    created_at: datetime
    standing: Standing
    state: State = "running"
    detail: str = ""
    ended_at: datetime | None = None


class Redriver:
    """Runs redrives in the background and remembers the last of them; a restart of the server stops them."""

    def __init__(
        self,
        *,
        reader: HistoryReader,
        records: Records,
        producer: Producer,
        subscriptions: Subscriptions,
        now: Callable[[], datetime],
    ) -> None:
        self._reader = reader
        self._records = records
        self._producer = producer
        self._subscriptions = subscriptions
        self._now = now
        self._redrives: dict[str, Redrive] = {}
        self._under_way: set[str] = set()
        self._tasks = Tasks()

    async def start(self, selection: Selection, *, canary: bool) -> Redrive:
        """Begin to redrive what is selected, apart from what a redrive has in hand already."""
        chosen = await asyncio.to_thread(self._reader.dead_letters, selection, limit=MOST)
        chosen = [one for one in reversed(chosen) if one.delivery_id not in self._under_way]
        redrive = Redrive(str(uuid4()), selection, self._now(), Standing(total=len(chosen), canary=canary))
        while len(self._redrives) >= REMEMBERED:
            del self._redrives[next(iter(self._redrives))]
        self._redrives[redrive.id] = redrive
        self._under_way.update(one.delivery_id for one in chosen)
        self._tasks.spawn(self._run(redrive, chosen))
        return redrive

    def get(self, redrive_id: str) -> Redrive:
        """Return a redrive; raises NotFoundError when none is known."""
        try:
            return self._redrives[redrive_id]
        except KeyError:
            raise NotFoundError("There is no such redrive; a server remembers its own until it restarts.") from None

    async def stop(self) -> None:
        """End those under way; what was sent stays sent."""
        await self._tasks.cancel()

    async def _run(self, redrive: Redrive, chosen: list[DeadLetter]) -> None:
        log.info("redrive.started", redrive=redrive.id, deliveries=len(chosen))
        try:
            finish = await self._step_by_step(redrive.id, chosen)
        except RouterError as error:
            finish = Finish("failed", error.message)
        finally:
            self._under_way.difference_update(one.delivery_id for one in chosen)
        self._update(redrive.id, state=finish.state, detail=finish.detail, ended_at=self._now())
        log.info("redrive.ended", redrive=redrive.id, state=finish.state)

    async def _step_by_step(self, redrive_id: str, chosen: list[DeadLetter]) -> Finish:
        standing, began = self._redrives[redrive_id].standing, self._now()
        waiting: list[DeadLetter] = []
        while True:
            step = next_step(standing, began, self._now())
            match step:
                case Finish():
                    return step
                case Wait():
                    await asyncio.sleep(LOOK_SECONDS)
                case Send(count):
                    began = self._now()
                    for first in range(standing.sent, standing.sent + count, SENT_AT_ONCE):
                        part = chosen[first : min(first + SENT_AT_ONCE, standing.sent + count)]
                        waiting += await self._send(part)
                    skipped = standing.skipped + count - (len(waiting) - standing.waiting)
                    standing = replace(standing, sent=standing.sent + count, skipped=skipped)
            outcomes = await asyncio.to_thread(self._reader.outcomes_since, waiting)
            waiting = [one for one in waiting if one.delivery_id not in outcomes]
            delivered = sum(outcome == "delivered" for outcome in outcomes.values())
            standing = replace(
                standing,
                delivered=standing.delivered + delivered,
                failed=standing.failed + len(outcomes) - delivered,
            )
            self._update(redrive_id, standing=standing)

    async def _send(self, part: Sequence[DeadLetter]) -> list[DeadLetter]:
        """Send deliveries, and return those that could be sent."""
        wanted = [one for one in part if self._is_wanted(one)]
        records = await self._records.fetch(DEAD_LETTERS.name, [(one.partition, one.record_offset) for one in wanted])
        sent, messages = [], []
        for one in wanted:
            record = records.get((one.partition, one.record_offset))
            if record is not None:
                messages.append(again(record.value or b"", record.headers, self._now()))
                sent.append(one)
        await self._producer.send_all(DELIVERIES.name, messages)
        return sent

    def _is_wanted(self, dead_letter: DeadLetter) -> bool:
        subscription = self._subscriptions.get(dead_letter.subscription)
        return subscription is not None and subscription.is_live and isinstance(subscription.sink, PushSink)

    def _update(self, redrive_id: str, **changes: object) -> None:
        self._redrives[redrive_id] = replace(self._redrives[redrive_id], **changes)  # type: ignore[arg-type]  # its own


def again(value: bytes, headers: Headers, now: datetime) -> Message:
    """Return the delivery that a dead letter was: the same id, attempts and time to live counted anew.

    Raises:
        ValueError: the headers are not those of a delivery.
    """
    delivery = replace(
        Delivery.from_record(without_reasons(value), headers),
        attempt=1,
        first_published=now,
        due=None,
        last_outcome=None,
    )
    return Message(subscription_key(delivery.subscription_id), delivery.event, delivery.headers())


def without_reasons(value: bytes) -> bytes:
    """Return the event of a dead letter, byte for byte, without the fields that say why it died (§5.9)."""
    added = _ADDED.search(value, max(0, len(value) - 1024))
    return value if added is None else value[: added.start()] + b"}"
