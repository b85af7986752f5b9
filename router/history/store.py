"""The store: the one writer of history.sqlite3. Rows and the offsets that they came from are one transaction."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from router.history.causes import cause_of
from router.history.options import DEAD_LETTERS_KEPT, KEPT
from router.history.rows import AttemptRow, DeadLetterRow, EventRow, first_number_at, microseconds
from router.history.schema import open_for_writing

Partition = tuple[str, int]
"""Topic and partition."""

PRUNED_AT_ONCE: Final = 20_000
"""Rows; more would keep new ones waiting."""
_SIZE_TARGET: Final = 0.9
_STEP: Final = 2_000
_END: Final = 1 << 62


@dataclass(slots=True)
class Batch:
    """What one look at the topics brought; `progress` has, by partition, the next offset and the records behind it."""

    attempts: list[AttemptRow] = field(default_factory=list)
    dead_letters: list[DeadLetterRow] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    progress: dict[Partition, tuple[int, int]] = field(default_factory=dict)


class HistoryStore:
    """Writes batches and forgets what is old; every method may raise sqlite3.DatabaseError for a broken file."""

    def __init__(self, path: Path, cluster: str) -> None:
        self._connection = open_for_writing(path, cluster)
        self._subscriptions: dict[str, int] = {}
        self._has_dead_letters = self._first("SELECT 1 FROM dead_letters LIMIT 1") is not None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def offsets(self) -> dict[Partition, int]:
        """Return where to go on reading."""
        rows = self._connection.execute("SELECT topic, partition, next_offset FROM progress")
        return {(topic, partition): offset for topic, partition, offset in rows}

    def apply(self, batch: Batch) -> None:
        """Write a batch, all of it or nothing."""
        with self._transaction():
            many = self._connection.executemany
            many("INSERT INTO events (hash, partition, record_offset, at) VALUES (?, ?, ?, ?)", batch.events)
            many(
                "INSERT OR IGNORE INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*row[:4], self._number_of(row.subscription), *row[5:]) for row in batch.attempts],
            )
            if batch.dead_letters:
                self._write_dead_letters(batch.dead_letters)
            if self._has_dead_letters:
                self._settle(batch.attempts)
            many(
                "INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?)",
                ((*partition, *where) for partition, where in batch.progress.items()),
            )

    def prune(self, now: datetime, max_bytes: int) -> bool:
        """Forget some of what is too old or too much; say whether there may be more of it."""
        end = microseconds(now - KEPT)
        dead_end = microseconds(now - DEAD_LETTERS_KEPT)
        with self._transaction():
            self._connection.execute("DELETE FROM dead_letters WHERE at < ?", (dead_end,))
            gone = self._prune_attempts(first_number_at(end)) + self._prune_events(end // 1000)
        return max(gone, self._prune_to(max_bytes)) >= PRUNED_AT_ONCE

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            # Numbers that were given in it are gone, too.
            self._subscriptions.clear()
            raise
        self._connection.execute("COMMIT")

    def _write_dead_letters(self, rows: Iterable[DeadLetterRow]) -> None:
        for row in rows:
            cause, delivered_at = self._what_attempts_say(row)
            values = (*row[:3], self._number_of(row.subscription), *row[4:8], cause, *row[9:])
            self._connection.execute(
                """INSERT INTO dead_letters VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
                reason = excluded.reason, attempts = excluded.attempts, last_outcome = excluded.last_outcome,
                at = excluded.at, cause = excluded.cause, partition = excluded.partition,
                record_offset = excluded.record_offset, delivered_at = excluded.delivered_at
                WHERE excluded.at >= dead_letters.at""",
                (*values, delivered_at),
            )
        self._has_dead_letters = True

    def _what_attempts_say(self, row: DeadLetterRow) -> tuple[str, int | None]:
        """Return the cause as the last attempt has it, and when a later attempt succeeded."""
        mine = "FROM attempts WHERE event_hash = ? AND delivery_id = ?"
        known = (row.event_hash, row.delivery_id)
        last = self._first(
            f"SELECT status, detail {mine} AND at <= ? AND outcome <> 'delivered' ORDER BY number DESC LIMIT 1",
            (*known, row.at),
        )
        delivered = self._first(f"SELECT max(at) {mine} AND at > ? AND outcome = 'delivered'", (*known, row.at))
        cause = row.cause if last is None else cause_of(row.last_outcome, last[0], last[1])
        return cause, None if delivered is None else delivered[0]

    def _settle(self, attempts: Iterable[AttemptRow]) -> None:
        """Tell dead letters what attempts say that were read after them."""
        self._connection.executemany(
            "UPDATE dead_letters SET delivered_at = ? WHERE delivery_id = ? AND at < ?",
            ((row.at, row.delivery_id, row.at) for row in attempts if row.outcome == "delivered"),
        )
        for row in attempts:
            if row.outcome != "delivered":
                died = self._first(
                    "SELECT last_outcome FROM dead_letters WHERE delivery_id = ? AND attempts = ? AND at >= ?",
                    (row.delivery_id, row.attempt, row.at),
                )
                if died is not None:
                    self._connection.execute(
                        "UPDATE dead_letters SET cause = ? WHERE delivery_id = ?",
                        (cause_of(died[0], row.status, row.detail), row.delivery_id),
                    )

    def _number_of(self, subscription: str) -> int:
        key = subscription.lower()
        number = self._subscriptions.get(key)
        if number is None:
            self._connection.execute("INSERT OR IGNORE INTO subscriptions (key, id) VALUES (?, ?)", (key, subscription))
            found = self._first("SELECT number FROM subscriptions WHERE key = ?", (key,))
            number = self._subscriptions[key] = 0 if found is None else int(found[0])
        return number

    def _prune_attempts(self, end: int, most: int = PRUNED_AT_ONCE) -> int:
        return self._connection.execute(
            """DELETE FROM attempts WHERE number IN
            (SELECT number FROM attempts WHERE number < ? ORDER BY number LIMIT ?)""",
            (end, most),
        ).rowcount

    def _prune_events(self, end: int, most: int = PRUNED_AT_ONCE) -> int:
        # Numbers are in the order of arrival, and only the oldest are looked at.
        first = self._first("SELECT min(number) FROM events")
        if first is None or first[0] is None:
            return 0
        return self._connection.execute(
            "DELETE FROM events WHERE number < ? AND at < ?", (first[0] + most, end)
        ).rowcount

    def _prune_dead_letters(self, most: int) -> int:
        return self._connection.execute(
            "DELETE FROM dead_letters WHERE delivery_id IN (SELECT delivery_id FROM dead_letters ORDER BY at LIMIT ?)",
            (most,),
        ).rowcount

    def _prune_to(self, max_bytes: int) -> int:
        """Forget the oldest attempts and events, and last dead letters, while the file holds more than it may."""
        used = self._used_bytes()
        if used <= max_bytes:
            return 0
        gone = 0
        while used > max_bytes * _SIZE_TARGET and gone < PRUNED_AT_ONCE:
            with self._transaction():
                removed = self._prune_attempts(_END, _STEP) + self._prune_events(_END, _STEP)
                # Dead letters stay longest, but the file has its bound; the topic has them still.
                removed = removed or self._prune_dead_letters(_STEP)
            if not removed:
                break
            gone += removed
            used = self._used_bytes()
        return gone

    def _used_bytes(self) -> int:
        return sum(
            sign * int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])
            for sign, name in ((1, "page_count"), (-1, "freelist_count"))
        ) * int(self._connection.execute("PRAGMA page_size").fetchone()[0])

    def _first(self, query: str, values: tuple[object, ...] = ()) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        return found
