import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import NotFoundError, RefusedError
from router.events.envelope import read_envelope
from router.loadtest.charts import decades, from_zero
from router.loadtest.ledger import Ledger
from router.loadtest.options import LoadOptions
from router.loadtest.page import command, page
from router.loadtest.pause import workers_of
from router.loadtest.plan import Plan, due, number_of
from router.loadtest.publisher import publish, requests_of
from router.loadtest.receiver import note
from router.loadtest.report import Report
from router.loadtest.templates import templates_of
from tests.builders import WORKSPACE
from topics.samples import sample_events


def a_plan(events=100, matching=1.0):
    return Plan("lt1", sample_events("EventGridSchema"), WORKSPACE, events=events, matching=matching)


def a_report(ledger, sink="topic", lost=0, duplicates=0, unwanted=0, **asked):
    return Report(
        options=LoadOptions(sink=sink, **asked),
        started_at=datetime(2026, 11, 24, 20, 5, tzinfo=UTC),
        published=10,
        expected=10,
        lost=lost,
        duplicates=duplicates,
        unwanted=unwanted,
        publish_seconds=1.0,
        receive_seconds=2.0,
        ledger=ledger,
    )


def a_ledger(latencies):
    ledger = Ledger()
    for number, seconds in enumerate(latencies):
        ledger.publish(number, 100 + number / 10)
        ledger.receive(0, number, 100 + number / 10 + seconds)
    return ledger


@given(st.integers(1, 500), st.sampled_from([0.0, 0.1, 0.25, 1 / 3, 0.5, 0.9, 1.0]))
def test_the_wanted_share_of_events_is_exact_and_told_by_the_subject(events, matching):
    plan = a_plan(events, matching)
    wanted = plan.wanted()
    assert abs(len(wanted) - events * matching) < 1
    for number in range(0, events, 37):
        assert plan.event(number).subject.startswith(plan.prefix) is (number in wanted)


def test_an_event_is_a_recorded_one_with_an_id_of_the_run():
    event = a_plan().event(42)
    envelope = read_envelope(event.body, event.headers)
    assert (envelope.source, envelope.subject) == (WORKSPACE, event.subject)
    assert number_of("lt1", envelope.id) == 42
    assert dict(event.headers)["ce_id"] == b"lt1-42"


@pytest.mark.parametrize("ident", ["other-1", "lt1-", "lt1-x", "", "lt1"])
def test_ids_of_others_are_not_counted(ident):
    assert number_of("lt1", ident) is None


def test_events_are_due_at_the_rate_or_at_once():
    assert due(500, 1000) == 0.5
    assert due(500, 0) == 0.0


def test_latency_counts_from_the_intended_send_time():
    ledger = Ledger()
    ledger.publish(0, intended=100.0)
    ledger.receive(0, 0, at=100.25)
    assert ledger.latency_ms()["max"] == pytest.approx(250, rel=0.01)


def test_repeats_are_counted_and_do_not_hide_what_is_missing():
    ledger = Ledger()
    for number in (0, 1, 1):
        ledger.receive(0, number, at=1.0)
    assert (ledger.delivered, ledger.duplicates) == (2, 1)
    assert ledger.missing({0, 1, 2}, 2) == [(0, 2), (1, 0), (1, 1), (1, 2)]


def test_nothing_received_has_no_latency():
    assert Ledger().latency_ms()["p99"] is None


@pytest.mark.parametrize(
    ("sink", "lost", "duplicates", "good"),
    [
        ("topic", 0, 0, True),
        ("topic", 1, 0, False),
        ("topic", 0, 1, False),
        ("webhook", 0, 1, True),
        ("webhook", 1, 0, False),
    ],
)
def test_loss_is_bad_and_a_repeat_is_bad_on_a_topic(sink, lost, duplicates, good):
    assert a_report(Ledger(), sink, lost, duplicates).is_good is good


def test_figures_have_the_shape_of_the_design():
    ledger = Ledger()
    ledger.publish(0, 1.0)
    ledger.receive(0, 0, 1.5)
    figures = json.loads(json.dumps(a_report(ledger).figures()))
    assert list(figures) == [
        *("published", "expected", "delivered", "lost", "duplicates", "publish_rate", "delivery_rate", "latency_ms")
    ]
    assert set(figures["latency_ms"]) == {"p50", "p90", "p99", "p99_9", "max"}
    assert (figures["publish_rate"], figures["delivery_rate"]) == (10.0, 0.5)


def test_figures_of_a_run_that_got_nothing_are_printed_too():
    assert dict(a_report(Ledger(), lost=10).fields())["latency p99.9 ms"] == "–"  # noqa: RUF001 (a dash where there is nothing)


def test_the_verdict_says_what_went_wrong():
    assert a_report(Ledger(), lost=1, unwanted=2).verdict() == "Of 10 events 1 lost, 2 sent where nobody wanted them."
    assert a_report(Ledger(), "webhook", duplicates=3).verdict().endswith("(a webhook gets each event at least once).")


def test_a_publisher_that_could_not_keep_up_is_named():
    assert a_report(Ledger(), rate=1_000).shortfall() is None
    assert a_report(Ledger(), rate=0).shortfall() is None
    slow = replace(a_report(a_ledger([0.01]), rate=10), publish_seconds=2.5)
    assert slow.shortfall().startswith("Published at 4 a second, not at the 10 asked for")
    assert slow.shortfall() in page(slow)


def test_the_page_stands_alone_and_shows_all_plots():
    shown = page(a_report(a_ledger([0.01] * 20)))
    assert shown.count("<svg") == 3
    assert "://" not in shown


def test_the_page_names_the_command_that_runs_the_same_test():
    options = LoadOptions(events=5, rate=2.5, sink="webhook", pause_worker_seconds=2.0, events_file=Path("a b.json"))
    assert command(options) == (
        "router loadtest --events 5 --rate 2.5 --subscriptions 1 --sink webhook --matching 1 --publish http"
        " --events-file 'a b.json' --pause-worker 2"
    )


def test_the_page_of_a_run_that_got_nothing_says_so():
    assert "Nothing was received." in page(a_report(Ledger(), lost=10))


@settings(max_examples=20)
@given(st.lists(st.floats(0, 4_000), min_size=1, max_size=60))
def test_every_run_can_be_drawn(latencies):
    shown = page(a_report(a_ledger(latencies)))
    assert "nan" not in shown
    assert "inf" not in shown


@given(st.floats(0.1, 1e6), st.floats(1, 1e4))
def test_a_scale_holds_all_values_in_round_marks(lowest, times):
    for scale, low in ((from_zero(lowest * times), 0), (decades(lowest, lowest * times), lowest)):
        values = [value for value, _ in scale.marks]
        assert values == sorted(set(values))
        assert values[0] <= low * 1.001
        assert values[-1] >= lowest * times * 0.999
        assert 0 <= scale.share(lowest) <= 1


def test_a_stall_is_seen_in_the_seconds_in_which_the_waiting_events_were_due():
    ledger = a_ledger([0.01] * 20 + [1.0] * 10 + [0.01] * 10)
    assert [round(max(second.latencies), 2) for _, second in sorted(ledger.seconds.items())] == [0.01, 0.01, 1.0, 0.01]
    assert [second.published for _, second in sorted(ledger.seconds.items())] == [10, 10, 10, 10]
    assert sum(second.received for second in ledger.seconds.values()) == 40


def test_what_came_unasked_is_neither_delivered_well_nor_good():
    ledger = a_ledger([0.01] * 3)
    assert ledger.unwanted({0, 1}) == 1
    assert not a_report(ledger, unwanted=1).is_good


def test_a_rehearsed_event_counts_for_nothing_but_the_rehearsal():
    plan, ledger = a_plan(10, matching=0.0), Ledger()
    ident = read_envelope(plan.rehearsal(7).body, plan.rehearsal(7).headers).id
    assert plan.rehearsal(7).subject.startswith(plan.prefix)
    note("lt1", ledger, 0, ident, at=1.0)
    assert (ledger.delivered, ledger.has_rehearsed({7}, 1), ledger.has_rehearsed({7}, 2)) == (0, True, False)


def test_requests_keep_order_and_limit():
    bodies = [b"x" * size for size in (40, 40, 40, 200, 10)]
    assert [list(map(len, one)) for one in requests_of(bodies, 100)] == [[40, 40], [40], [200], [10]]
    assert list(requests_of([], 100)) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"", "empty"),
        (b'{"specversion": "1.0", "id": "c"}', 'event 1 .id "c". of .* is a CloudEvent'),
        (b'[{"eventType": "A"}]', "has no eventTime"),
        (b"{]", "not valid JSON"),
    ],
)
def test_a_file_that_holds_no_events_of_the_event_grid_schema_is_refused(text, problem, tmp_path):
    file = tmp_path / "events.json"
    file.write_bytes(text)
    with pytest.raises(RefusedError, match=problem):
        templates_of(file)


def test_a_file_may_be_an_array_or_lines(tmp_path):
    one, file = b'{"eventType": "A", "eventTime": "2026-01-01T00:00:00Z"}', tmp_path / "events.json"
    for text in (b"[" + one + b"," + one + b"]", one + b"\n" + one):
        file.write_bytes(text)
        assert templates_of(file) == [one, one]


async def test_workers_that_are_not_here_cannot_be_stopped(tmp_path):
    with pytest.raises(NotFoundError, match="no worker of"):
        workers_of(tmp_path)


class Way:
    def __init__(self):
        self.sent = []

    async def send(self, events):
        self.sent += [event.number for event in events]


@pytest.mark.parametrize("rate", [0, 2_000])
async def test_every_event_is_published_once_and_in_order(rate):
    way, ledger = Way(), Ledger()
    seconds = await publish(a_plan(300), way, rate, ledger)
    assert way.sent == list(range(300))
    assert len(ledger.sent_at) == 300
    if rate:
        assert seconds >= 299 / rate
        assert ledger.sent_at[299] - ledger.sent_at[0] == pytest.approx(299 / rate)


def test_a_file_without_events_is_refused(tmp_path):
    (tmp_path / "events.json").write_text("[]")
    for name in ("events.json", "nowhere.json"):
        with pytest.raises(RefusedError):
            templates_of(tmp_path / name)
