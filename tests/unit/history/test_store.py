"""The history's file: each record counts once, dead letters and attempts find one another, and it stays small."""

import sqlite3
from datetime import timedelta

import pytest

from router.errors import RouterError
from router.history.reader import HistoryReader, Selection
from router.history.rows import EventRow, hash_of
from router.history.store import Batch, HistoryStore
from tests.builders import NOON
from tests.unit.history.facts import ALERTS, OTHER, a_dead, an_attempted

SOON = timedelta(seconds=1)
FAILED = {"outcome": "failed", "status": 503, "detail": "Service Unavailable"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "history.sqlite3"


@pytest.fixture
def store(path):
    store = HistoryStore(path, "cluster")
    yield store
    store.close()


@pytest.fixture
def reader(path, store):  # noqa: ARG001 (it makes the file)
    return HistoryReader(path)


def test_rows_and_offsets_are_one_transaction(store, reader):
    store.apply(Batch(attempts=[an_attempted("d-1")], progress={("router.attempts", 0): (1, 5)}))
    with pytest.raises(sqlite3.Error):
        store.apply(Batch(attempts=[an_attempted("d-2")], progress={("router.attempts", 0): (None, 5)}))
    assert store.offsets() == {("router.attempts", 0): 1}
    assert [one.delivery_id for one in reader.attempts(limit=10)] == ["d-1"]
    assert reader.behind() == {("router.attempts", 0): 5}


def test_a_record_that_is_read_twice_counts_once(store, reader):
    for _ in range(2):
        store.apply(Batch(attempts=[an_attempted("d-1")], dead_letters=[a_dead("d-1")]))
    assert len(reader.attempts(limit=10)) == len(reader.dead_letters(Selection(), limit=10)) == 1


def test_attempts_are_found_by_subscription_event_and_outcome_the_newest_first(store, reader):
    store.apply(
        Batch(
            attempts=[
                an_attempted("d-1", at=NOON, event_id="e-1"),
                an_attempted("d-2", at=NOON + SOON, event_id="e-2", **FAILED),
                an_attempted("d-3", at=NOON + 2 * SOON, event_id="e-1", subscription=OTHER),
            ]
        )
    )

    def found(**asked):
        return [one.delivery_id for one in reader.attempts(limit=10, **asked)]

    assert found() == ["d-3", "d-2", "d-1"]
    assert found(subscription="alerts") == found(subscription=ALERTS.upper()) == ["d-2", "d-1"]
    assert found(subscription="ALERTS", outcome="failed") == found(outcome="failed") == ["d-2"]
    assert found(event="e-1") == ["d-3", "d-1"]
    assert found(subscription="unknown") == found(event="unknown") == []
    first = reader.attempts(limit=1)[0]
    assert [one.delivery_id for one in reader.attempts(limit=10, before=first.number)] == ["d-2", "d-1"]


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("attempt_first", [True, False])
def test_a_cause_comes_from_the_last_attempt_whichever_is_read_first(store, reader, together, attempt_first):
    attempt = Batch(attempts=[an_attempted("d-1", attempt=3, **FAILED)])
    death = Batch(dead_letters=[a_dead("d-1", attempts=3)])
    if together:
        store.apply(Batch(attempts=attempt.attempts, dead_letters=death.dead_letters))
    else:
        for batch in (attempt, death) if attempt_first else (death, attempt):
            store.apply(batch)
    assert [one.cause for one in reader.causes(Selection())] == ["endpoint/503/service-unavailable"]


@pytest.mark.parametrize("attempt_first", [True, False])
def test_a_dead_letter_that_was_delivered_since_is_dead_no_more(store, reader, attempt_first):
    delivered = Batch(attempts=[an_attempted("d-1", at=NOON + SOON)])
    death = Batch(dead_letters=[a_dead("d-1")])
    for batch in (delivered, death) if attempt_first else (death, delivered):
        store.apply(batch)
    assert reader.dead_letters(Selection(), limit=10) == reader.causes(Selection()) == []
    assert reader.dead_letters_of_event("e-1")[0].delivered_at == NOON + SOON


def test_a_second_death_counts_instead_of_the_first(store, reader):
    store.apply(Batch(dead_letters=[a_dead("d-1")]))
    store.apply(Batch(attempts=[an_attempted("d-1", at=NOON + SOON)]))
    store.apply(Batch(dead_letters=[a_dead("d-1", at=NOON + 2 * SOON, record_offset=9)]))
    store.apply(Batch(dead_letters=[a_dead("d-1")]))
    assert [one.record_offset for one in reader.dead_letters(Selection(), limit=10)] == [9]


def test_dead_letters_are_selected_and_counted_by_cause(store, reader):
    busy, lost = "endpoint/none/busy", "network/none/x"
    store.apply(
        Batch(
            dead_letters=[
                a_dead("d-1", at=NOON),
                a_dead("d-2", at=NOON + SOON),
                a_dead("d-3", at=NOON + 2 * SOON, cause=lost, subscription=OTHER),
            ]
        )
    )
    assert [(one.cause, one.count, one.oldest) for one in reader.causes(Selection())] == [
        (busy, 2, NOON), (lost, 1, NOON + 2 * SOON),
    ]  # fmt: skip

    def found(**selection):
        return [one.delivery_id for one in reader.dead_letters(Selection(**selection), limit=10)]

    assert found() == ["d-3", "d-2", "d-1"]
    assert found(cause=busy) == found(subscription="alerts") == ["d-2", "d-1"]
    assert found(delivery_ids=["d-1", "d-9"]) == ["d-1"]
    assert found(delivery_ids=[]) == []


def test_events_that_share_a_hash_are_all_candidates(store, reader):
    rows = [EventRow(hash_of("e-1"), 0, 5, 1000), EventRow(hash_of("e-1"), 1, 6, 1001), EventRow(1, 0, 7, 1002)]
    store.apply(Batch(events=rows))
    assert reader.places_of_event("e-1") == [(1, 6), (0, 5)]


def test_what_is_old_is_forgotten(store, reader):
    old = NOON - timedelta(days=8)
    ages = [(old, "old"), (NOON, "new")]
    store.apply(
        Batch(
            attempts=[an_attempted(name, at=at) for at, name in ages],
            events=[EventRow(hash_of(name), 0, 0, int(at.timestamp() * 1000)) for at, name in ages],
            dead_letters=[a_dead(name, at=at) for at, name in [*ages, (NOON - timedelta(days=31), "gone")]],
        )
    )
    assert not store.prune(NOON, 1 << 30)
    assert [one.delivery_id for one in reader.attempts(limit=9)] == ["new"]
    assert (len(reader.places_of_event("old")), len(reader.places_of_event("new"))) == (0, 1)
    assert [one.delivery_id for one in reader.dead_letters(Selection(), limit=9)] == ["new", "old"]


def test_beyond_its_size_the_oldest_are_forgotten(store, reader):
    rows = [an_attempted(f"d-{n}", at=NOON + n * SOON, detail="x" * 400) for n in range(30_000)]
    store.apply(Batch(attempts=rows))
    while store.prune(NOON, 4 << 20):
        pass
    assert 0 < len(reader.attempts(limit=30_000)) < 10_001
    assert reader.attempts(limit=1)[0].delivery_id == "d-29999"


def test_dead_letters_alone_do_not_outgrow_the_file_either(store, reader):
    """An endpoint that refuses everything makes one for each event."""
    rows = [a_dead(f"d-{n}", at=NOON + n * SOON, cause="x" * 400) for n in range(12_000)]
    store.apply(Batch(dead_letters=rows, attempts=[an_attempted("a-1")]))
    while store.prune(NOON, 4 << 20):
        pass
    left = reader.dead_letters(Selection(), limit=12_000)
    assert 0 < len(left) < 10_001
    assert left[0].delivery_id == "d-11999"


@pytest.mark.parametrize("damage", [b"no database", b"SQLite format 3\x00" + b"x" * 5000])
def test_a_broken_file_is_made_anew(path, damage):
    path.write_bytes(damage)
    store = HistoryStore(path, "cluster")
    store.apply(Batch(attempts=[an_attempted("d-1")]))
    store.close()
    assert len(HistoryReader(path).attempts(limit=5)) == 1


def test_the_history_of_another_kafka_is_not_mixed_in(path):
    for cluster in ("one", "other"):
        store = HistoryStore(path, cluster)
        assert store.offsets() == {}
        store.apply(Batch(progress={("router.attempts", 0): (5, 0)}))
        store.close()


@pytest.mark.usefixtures("store")
def test_it_is_for_its_owner_only(path):
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_reader_without_a_file_says_so(tmp_path):
    with pytest.raises(RouterError, match="cannot be read just now"):
        HistoryReader(tmp_path / "none").attempts(limit=1)
