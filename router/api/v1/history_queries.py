"""The questions about attempts, events and dead letters, free of HTTP."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from router.api.v1 import shapes
from router.api.v1.cursors import cursor_of, position_after
from router.api.v1.wanted import wanted_by
from router.errors import NotFoundError
from router.events.conversion import to_schema
from router.events.envelope import UnreadableEventError, read_envelope
from router.history.reader import Attempt, DeadLetter, HistoryReader, Selection, position_of
from router.history.redrive import without_reasons
from router.history.stored_records import Records
from router.subscriptions.view import SubscriptionsView
from topics import DEAD_LETTERS, WORKSPACE_EVENTS
from topics.subscriptions import Subscription, TopicSink

ATTEMPTS_OF_EVENT: Final = 1_000

FannedOut = Callable[[int], Awaitable[int | None]]
"""Returns up to which offset fan-out has read a partition of workspace.events; None when it has read nothing."""


class HistoryQueries:
    """Answers from the history, and from Kafka where the records themselves are asked for."""

    def __init__(
        self, *, reader: HistoryReader, records: Records, view: SubscriptionsView, fanned_out: FannedOut
    ) -> None:
        self._reader = reader
        self._records = records
        self._view = view
        self._fanned_out = fanned_out

    async def attempts(
        self, subscription: str | None, event: str | None, outcome: str | None, limit: int, cursor: str | None
    ) -> shapes.Attempts:
        """Return a page of attempts; errors of the history reader pass."""
        position = position_after(cursor, int)
        found = await asyncio.to_thread(
            self._reader.attempts,
            subscription=subscription,
            event=event,
            outcome=outcome,
            before=None if position is None else int(position[0]),
            limit=limit + 1,
        )
        following = cursor_of(found[limit - 1].number) if len(found) > limit else None
        return shapes.Attempts(attempts=_shown(found[:limit]), next=following)

    async def event(self, event_id: str) -> shapes.Event:
        """Return an event and what became of it; of several with its id the one accepted last.

        Raises:
            NotFoundError: none is known, or Kafka keeps it no longer.
        """
        record = await self._event_record(event_id)
        accepted_at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
        wanted = wanted_by(self._view, record.value, record.headers, accepted_at)
        attempts = await asyncio.to_thread(self._reader.attempts, event=event_id, limit=ATTEMPTS_OF_EVENT)
        dead = await asyncio.to_thread(self._reader.dead_letters_of_event, event_id)
        routed = await self._fanned_out(record.partition)
        deliveries = deliveries_of(wanted, attempts, dead, is_routed=routed is not None and routed > record.offset)
        event = msgspec.json.decode(to_schema(record.value, record.headers, None))
        return shapes.Event(event=event, accepted_at=accepted_at, deliveries=deliveries)

    async def dead_letters(self, selection: Selection, limit: int, cursor: str | None) -> shapes.DeadLetters:
        """Return the causes, and a page of the dead letters."""
        position = position_after(cursor, int, str)
        after = None if position is None else (int(position[0]), str(position[1]))
        causes = await asyncio.to_thread(self._reader.causes, selection)
        found = await asyncio.to_thread(self._reader.dead_letters, selection, after=after, limit=limit + 1)
        return shapes.DeadLetters(
            causes=[shapes.Cause.model_validate(cause) for cause in causes],
            dead_letters=[shapes.DeadLetter.model_validate(one) for one in found[:limit]],
            next=cursor_of(*position_of(found[limit - 1])) if len(found) > limit else None,
        )

    async def dead_letter(self, delivery_id: str) -> shapes.DeadLetterDetails:
        """Return one dead letter with its event and attempts; raises NotFoundError."""
        found = await asyncio.to_thread(self._reader.dead_letters, Selection(delivery_ids=[delivery_id]), limit=1)
        if not found:
            raise NotFoundError(f"There is no dead letter of the delivery {delivery_id[:100]!r}.")
        one = found[0]
        place = (one.partition, one.record_offset)
        record = (await self._records.fetch(DEAD_LETTERS.name, [place])).get(place)
        attempts = await asyncio.to_thread(self._reader.attempts, event=one.event_id, limit=ATTEMPTS_OF_EVENT)
        mine = [attempt for attempt in reversed(attempts) if attempt.delivery_id == delivery_id]
        return shapes.DeadLetterDetails(
            **shapes.DeadLetter.model_validate(one).model_dump(),
            cause=one.cause,
            event=None if record is None else msgspec.json.decode(without_reasons(record.value)),
            delivery_attempts=_shown(mine),
        )

    async def _event_record(self, event_id: str) -> Any:  # noqa: ANN401 (a record of aiokafka, which has no types)
        places = await asyncio.to_thread(self._reader.places_of_event, event_id)
        records = await self._records.fetch(WORKSPACE_EVENTS.name, places)
        for place in places:
            record = records.get(place)
            if record is not None and _is_event(record, event_id):
                return record
        raise NotFoundError(f"No event with the id {event_id[:200]!r} is known.")


def deliveries_of(
    wanted: Iterable[Subscription], attempts: Iterable[Attempt], dead: Iterable[DeadLetter], *, is_routed: bool
) -> list[shapes.EventDelivery]:
    """Return what became of an event for those who want it, and for those who got it and are gone or changed since."""
    tried: dict[str, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        tried[attempt.subscription.lower()].append(attempt)
    died = {one.subscription.lower(): one for one in dead}
    names: dict[str, tuple[str, Subscription | None]] = {one.id.lower(): (one.id, one) for one in wanted}
    for name in (*(group[0].subscription for group in tried.values()), *(one.subscription for one in died.values())):
        names.setdefault(name.lower(), (name, None))
    shown = []
    for key, (name, subscription) in names.items():
        if subscription is not None and isinstance(subscription.sink, TopicSink) and key not in tried:
            state: shapes.DeliveryState = "written" if is_routed else "pending"
        else:
            state = state_of(tried[key], died.get(key))
        oldest_first = sorted(tried[key], key=lambda one: one.number)
        shown.append(shapes.EventDelivery(subscription=name, state=state, attempts=_shown(oldest_first)))
    return shown


def state_of(attempts: Iterable[Attempt], dead: DeadLetter | None) -> shapes.DeliveryState:
    """Say how a delivery to a push sink stands."""
    if any(attempt.outcome == "delivered" for attempt in attempts):
        return "delivered"
    if dead is None:
        return "pending"
    return "delivered" if dead.delivered_at is not None else "dead_lettered"


def _is_event(record: Any, event_id: str) -> bool:  # noqa: ANN401
    try:
        return read_envelope(record.value, record.headers).id == event_id
    except UnreadableEventError:
        return False


def _shown(attempts: Iterable[Attempt]) -> list[shapes.Attempt]:
    return [shapes.Attempt.model_validate(attempt) for attempt in attempts]
