"""The reader: what the API asks of the history. Each question opens the file read-only; run them in a thread."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from router.errors import RouterError
from router.history.rows import hash_of

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ATTEMPT: Final = """SELECT a.number, a.delivery_id, a.event_id, s.id, a.attempt, a.at, a.outcome, a.status,
 a.duration_ms, a.detail FROM attempts a JOIN subscriptions s ON s.number = a.subscription"""
_DEAD_LETTER: Final = """SELECT d.delivery_id, d.event_id, s.id, d.reason, d.attempts, d.last_outcome, d.at, d.cause,
 d.partition, d.record_offset, d.delivered_at FROM dead_letters d JOIN subscriptions s ON s.number = d.subscription"""


class HistoryUnavailableError(RouterError):
    """The history cannot be read now: it is being made, or made anew."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a delivery; `number` orders attempts by time."""

    number: int
    delivery_id: str
    event_id: str
    subscription: str
    attempt: int
    at: datetime
    outcome: str
    status: int | None
    duration_ms: float
    detail: str


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One delivery that was given up, and where on router.dead-letters its record stands."""

    delivery_id: str
    event_id: str
    subscription: str
    reason: str
    attempts: int
    last_outcome: str
    at: datetime
    cause: str
    partition: int
    record_offset: int
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Cause:
    """How many deliveries died alike, and since when."""

    cause: str
    count: int
    oldest: datetime


class EventPlace(NamedTuple):
    """Where on workspace.events an event may stand: the hash of its id is right."""

    partition: int
    record_offset: int


class Selection(NamedTuple):
    """Which dead letters are meant; None means all, and `subscription` is a name or a resource id."""

    subscription: str | None = None
    cause: str | None = None
    delivery_ids: Sequence[str] | None = None


class HistoryReader:
    """Answers from history.sqlite3; every method raises HistoryUnavailableError when it cannot be read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def attempts(
        self,
        *,
        subscription: str | None = None,
        event: str | None = None,
        outcome: str | None = None,
        before: int | None = None,
        limit: int,
    ) -> list[Attempt]:
        """Return attempts, the newest first; `before` is the number of the last one already known."""
        with self._open() as connection:
            conditions = _Conditions()
            conditions.subscription(connection, "a", subscription)
            if event is not None:
                conditions.add("a.event_hash = ? AND a.event_id = ?", hash_of(event), event)
            if outcome is not None:
                conditions.add("a.outcome = ?", outcome)
            if before is not None:
                conditions.add("a.number < ?", before)
            query = f"{_ATTEMPT} {conditions.where} ORDER BY a.number DESC LIMIT ?"
            return [_attempt(row) for row in connection.execute(query, (*conditions.values, limit))]

    def dead_letters(
        self, selection: Selection, *, after: tuple[int, str] | None = None, limit: int
    ) -> list[DeadLetter]:
        """Return dead letters, the newest first; `after` is the position (`position_of`) of the last known one."""
        with self._open() as connection:
            conditions = _selected(connection, selection)
            if after is not None:
                conditions.add("(d.at, d.delivery_id) < (?, ?)", *after)
            query = f"{_DEAD_LETTER} {conditions.where} ORDER BY d.at DESC, d.delivery_id DESC LIMIT ?"
            return [_dead_letter(row) for row in connection.execute(query, (*conditions.values, limit))]

    def causes(self, selection: Selection) -> list[Cause]:
        """Return why the selected deliveries died, the most frequent cause first."""
        with self._open() as connection:
            conditions = _selected(connection, selection)
            query = f"""SELECT d.cause, count(*), min(d.at) FROM dead_letters d {conditions.where}
                GROUP BY d.cause ORDER BY count(*) DESC, d.cause"""  # noqa: S608 (conditions are constants)
            rows = connection.execute(query, conditions.values)
            return [Cause(cause, count, _moment(oldest)) for cause, count, oldest in rows]

    def dead_letters_of_event(self, event_id: str) -> list[DeadLetter]:
        """Return the dead letters of an event, also those that were delivered since."""
        with self._open() as connection:
            query = f"{_DEAD_LETTER} WHERE d.event_hash = ? AND d.event_id = ?"
            return [_dead_letter(row) for row in connection.execute(query, (hash_of(event_id), event_id))]

    def places_of_event(self, event_id: str) -> list[EventPlace]:
        """Return where an event may stand, the last accepted first."""
        with self._open() as connection:
            query = "SELECT partition, record_offset FROM events WHERE hash = ? ORDER BY number DESC LIMIT 100"
            return [EventPlace(*row) for row in connection.execute(query, (hash_of(event_id),))]

    def outcomes_since(self, dead_letters: Sequence[DeadLetter]) -> dict[str, str]:
        """Return, by delivery id, how the newest attempt ended that was made after the delivery had died."""
        query = """SELECT outcome FROM attempts WHERE event_hash = ? AND delivery_id = ? AND at > ?
            ORDER BY number DESC LIMIT 1"""
        outcomes = {}
        with self._open() as connection:
            for one in dead_letters:
                died = (one.at - _EPOCH) // timedelta(microseconds=1)
                found = connection.execute(query, (hash_of(one.event_id), one.delivery_id, died)).fetchone()
                if found is not None:
                    outcomes[one.delivery_id] = str(found[0])
        return outcomes

    def behind(self) -> dict[tuple[str, int], int]:
        """Return, by topic and partition, how many records were not read yet when it was last looked."""
        with self._open() as connection:
            rows = connection.execute("SELECT topic, partition, behind FROM progress")
            return {(topic, partition): count for topic, partition, count in rows}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        connection = None
        try:
            connection = sqlite3.connect(
                f"file:{quote(str(self._path.absolute()))}?mode=ro", uri=True, timeout=5, isolation_level=None
            )
            # One snapshot for all that a question looks at.
            connection.execute("BEGIN")
            yield connection
        except sqlite3.DatabaseError as error:
            raise HistoryUnavailableError(
                "the history cannot be read just now", hint="It is being filled from the topics; try again in a moment."
            ) from error
        finally:
            if connection is not None:
                connection.close()


def position_of(dead_letter: DeadLetter) -> tuple[int, str]:
    """Return where a dead letter stands in the order of the list."""
    return (dead_letter.at - _EPOCH) // timedelta(microseconds=1), dead_letter.delivery_id


class _Conditions:
    def __init__(self) -> None:
        self._parts: list[str] = []
        self.values: list[Any] = []

    def add(self, part: str, *values: Any) -> None:  # noqa: ANN401 (what SQLite stores)
        self._parts.append(part)
        self.values += values

    def subscription(self, connection: sqlite3.Connection, table: str, wanted: str | None) -> None:
        if wanted is not None:
            numbers = _numbers_of(connection, wanted)
            self.add(f"{table}.subscription IN ({', '.join('?' * len(numbers))})", *numbers)

    @property
    def where(self) -> str:
        return f"WHERE {' AND '.join(self._parts)}" if self._parts else ""


def _selected(connection: sqlite3.Connection, selection: Selection) -> _Conditions:
    conditions = _Conditions()
    conditions.add("d.delivered_at IS NULL")
    conditions.subscription(connection, "d", selection.subscription)
    if selection.cause is not None:
        conditions.add("d.cause = ?", selection.cause)
    if selection.delivery_ids is not None:
        conditions.add(f"d.delivery_id IN ({', '.join('?' * len(selection.delivery_ids))})", *selection.delivery_ids)
    return conditions


def _numbers_of(connection: sqlite3.Connection, wanted: str) -> list[int]:
    """Return the numbers of the subscriptions with that resource id or name."""
    key = wanted.lower()
    if key.startswith("/"):
        rows = connection.execute("SELECT number FROM subscriptions WHERE key = ?", (key,))
    else:
        end = f"/eventsubscriptions/{key}"
        rows = connection.execute("SELECT number FROM subscriptions WHERE substr(key, ?) = ?", (-len(end), end))
    return [number for (number,) in rows]


def _attempt(row: tuple[Any, ...]) -> Attempt:
    number, delivery_id, event_id, subscription, attempt, at, *rest = row
    return Attempt(number, delivery_id, event_id, subscription, attempt, _moment(at), *rest)


def _dead_letter(row: tuple[Any, ...]) -> DeadLetter:
    delivery_id, event_id, subscription, reason, attempts, last_outcome, at, *rest, delivered_at = row
    cause, partition, offset = rest
    return DeadLetter(
        delivery_id,
        event_id,
        subscription,
        reason,
        attempts,
        last_outcome,
        _moment(at),
        cause,
        partition,
        offset,
        None if delivered_at is None else _moment(delivered_at),
    )


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
