import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.events.envelope import read_envelope
from router.loadtest.ledger import Ledger
from router.loadtest.options import LoadOptions
from router.loadtest.plan import Plan, due, number_of
from router.loadtest.publisher import publish
from router.loadtest.report import Report
from tests.builders import WORKSPACE
from topics.samples import sample_events


def a_plan(events=100, matching=1.0):
    return Plan("lt1", sample_events("EventGridSchema"), WORKSPACE, events=events, matching=matching)


def a_report(ledger, sink="topic", lost=0, duplicates=0):
    return Report(LoadOptions(sink=sink), 10, 10, lost, duplicates, 1.0, 2.0, ledger)


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


def test_the_page_stands_alone_and_shows_both_plots():
    ledger = Ledger()
    for number in range(20):
        ledger.publish(number, number / 10)
        ledger.receive(0, number, number / 10 + 0.01)
    page = a_report(ledger).page()
    assert page.count("<svg") == 2
    assert "http" not in page.replace("over http", "")


class Way:
    def __init__(self):
        self.sent = []

    async def send(self, events):
        self.sent += [event.number for event in events]


@pytest.mark.parametrize("rate", [0, 2_000])
async def test_every_event_is_published_once_and_in_order(rate):
    way, ledger, told = Way(), Ledger(), []
    seconds = await publish(a_plan(300), way, rate, ledger, told.append)
    assert way.sent == list(range(300))
    assert told[-1] == 300
    assert len(ledger.sent_at) == 300
    if rate:
        assert seconds >= 299 / rate
        assert ledger.sent_at[299] - ledger.sent_at[0] == pytest.approx(299 / rate)
