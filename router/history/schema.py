"""The tables of history.sqlite3, and opening the file for its one writer."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

VERSION: Final = 1
"""Counts changes of the tables; a file of another version is thrown away and filled from the topics."""
_APPLICATION: Final = 0x57455248  # "WERH"

_TABLES: Final = """
CREATE TABLE subscriptions (number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, id TEXT NOT NULL) STRICT;

-- number: time in milliseconds, partition and offset, so that order is time and a record read twice is one row.
CREATE TABLE attempts (
  number INTEGER PRIMARY KEY, delivery_id TEXT NOT NULL, event_hash INTEGER NOT NULL, event_id TEXT NOT NULL,
  subscription INTEGER NOT NULL, attempt INTEGER NOT NULL, at INTEGER NOT NULL, outcome TEXT NOT NULL,
  status INTEGER, duration_ms REAL NOT NULL, detail TEXT NOT NULL) STRICT;
CREATE INDEX attempts_of_event ON attempts (event_hash);
CREATE INDEX attempts_of_subscription ON attempts (subscription);
CREATE INDEX attempts_not_delivered ON attempts (outcome) WHERE outcome <> 'delivered';

-- delivered_at: it was redriven, and then delivered.
CREATE TABLE dead_letters (
  delivery_id TEXT PRIMARY KEY, event_hash INTEGER NOT NULL, event_id TEXT NOT NULL, subscription INTEGER NOT NULL,
  reason TEXT NOT NULL, attempts INTEGER NOT NULL, last_outcome TEXT NOT NULL, at INTEGER NOT NULL,
  cause TEXT NOT NULL, partition INTEGER NOT NULL, record_offset INTEGER NOT NULL, delivered_at INTEGER) STRICT;
CREATE INDEX dead_letters_by_time ON dead_letters (at, delivery_id) WHERE delivered_at IS NULL;
CREATE INDEX dead_letters_of_event ON dead_letters (event_hash);

CREATE TABLE events (
  number INTEGER PRIMARY KEY, hash INTEGER NOT NULL, partition INTEGER NOT NULL, record_offset INTEGER NOT NULL,
  at INTEGER NOT NULL) STRICT;
CREATE INDEX events_by_hash ON events (hash);

-- Written in the transaction of the rows, so that each record counts once.
CREATE TABLE progress (
  topic TEXT NOT NULL, partition INTEGER NOT NULL, next_offset INTEGER NOT NULL, behind INTEGER NOT NULL,
  PRIMARY KEY (topic, partition)) STRICT;
CREATE TABLE origin (cluster TEXT NOT NULL) STRICT;
"""


def open_for_writing(path: Path, cluster: str) -> sqlite3.Connection:
    """Open the history of a Kafka cluster; what is missing, broken, of another version or cluster is made anew."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        connection = _connect(path)
        if _is_ours(connection, cluster):
            return connection
        connection.close()
        log.warning("history.made_anew", reason="another version or another Kafka")
    except sqlite3.DatabaseError as error:
        log.warning("history.made_anew", reason=str(error))
    discard(path)
    connection = _connect(path)
    if not _is_ours(connection, cluster):
        raise sqlite3.DatabaseError("the file that was just made is not readable")
    return connection


def discard(path: Path) -> None:
    """Delete the file and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=10)
    try:
        connection.executescript(
            """PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -32000;
            PRAGMA wal_autocheckpoint = 4000; PRAGMA temp_store = MEMORY;"""
        )
    except sqlite3.DatabaseError:
        connection.close()
        raise
    path.chmod(0o600)
    return connection


def _is_ours(connection: sqlite3.Connection, cluster: str) -> bool:
    """Say whether the file can be written on; an empty one gets its tables."""
    with closing(connection.cursor()) as cursor:
        version = cursor.execute("PRAGMA user_version").fetchone()[0]
        if version == 0 and not cursor.execute("SELECT 1 FROM sqlite_schema").fetchone():
            cursor.executescript(
                f"BEGIN; {_TABLES} PRAGMA application_id = {_APPLICATION}; PRAGMA user_version = {VERSION}; COMMIT;"
            )
            cursor.execute("INSERT INTO origin VALUES (?)", (cluster,))
            return True
        if version != VERSION or cursor.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION:
            return False
        return bool(cursor.execute("SELECT cluster FROM origin").fetchone() == (cluster,))
