"""What the fan-out benchmark makes of its figures."""

from xml.etree import ElementTree as ET

import pytest

from benchmarks.documents import write_between
from benchmarks.fanout import turns
from benchmarks.fanout_contestants import REFERENCES, router
from benchmarks.fanout_plot import plot
from benchmarks.fanout_run import Figures, Task
from benchmarks.fanout_table import Entry, rows_of, table, verdicts
from benchmarks.fanout_topics import Source

BARE, CONFLUENT, STREAMS, FAUST = REFERENCES


def figures(rate, cpu=10.0, lost=0):
    return Figures(events_per_second=rate, cpu_us=cpu, events=1000, lost=lost, doubled=0)


def rows(sinks=1):
    once, least = "effectively_once", "at_least_once"
    return rows_of(
        {
            Entry(router(1), once, sinks): [figures(90, 9.0), figures(100, 7.0), figures(110, 8.0)],
            Entry(router(2), once, sinks): [figures(150)],
            Entry(BARE, once, sinks): [figures(100)],
            Entry(STREAMS, once, sinks): [figures(120, lost=3)],
            Entry(CONFLUENT, once, sinks): [],
            Entry(FAUST, least, sinks): [figures(5)],
        }
    )


def test_the_table_has_medians_and_ratios_and_leaves_out_who_never_came_through():
    lines = table(rows()).splitlines()
    assert lines[2] == "| 1 | effectively once | **router** | 100 (90 … 110) | 8.0 |  |  | 0 | 0 |"
    assert lines[5].endswith("| 120 (120 … 120) | 10.0 | 0.83 | 1.25 | 3 | 0 |")
    assert "librdkafka" not in table(rows())


def test_the_aims_are_judged_by_one_worker_and_kafka_streams_by_the_best_of_several():
    assert verdicts(rows()) == [
        "1 sink, effectively once: 1.00 times the bare loop (aim ≥ 0.9: reached)",
        "1 sink, effectively once: 20.00 times idiomatic Faust (aim ≥ 15: reached)",
        "1 sink, effectively once: 1.25 times Kafka Streams (aim ≥ 1: reached)",
        "1 sink, effectively once: 8.00 µs CPU an event (aim ≤ 8: reached)",
    ]
    assert "10 sinks, effectively once: 1.25 times Kafka Streams (aim ≥ 2: not reached)" in verdicts(rows(10))


def test_every_contestant_has_a_turn_a_round_and_another_one_begins():
    entries = [Entry(one, "at_least_once", sinks) for sinks in (1, 10) for one in REFERENCES]
    got = list(turns(entries, 2))
    assert [entry.sinks for entry in got] == [1] * 8 + [10] * 8
    assert got[:4] == entries[:4]
    assert got[4:8] == entries[2:4] + entries[:2]


def test_a_run_is_measured_between_events_that_do_not_count():
    task = Task.of(STREAMS, Source({0: 0, 1: 100}, {0: 5_000, 1: 5_100}), 1_000)
    assert task.start == {0: 3675, 1: 3775}
    assert (task.warm_up, task.until, task.total) == (1_500, 2_500, 2_650)


def test_the_plot_is_well_formed_and_has_a_bar_a_row():
    root = ET.fromstring(plot(rows()))  # noqa: S314 (it is our own)
    assert sum(one.get("rx") == "2" for one in root.iter("{http://www.w3.org/2000/svg}rect")) == 5


def test_a_table_replaces_what_stood_between_its_marks(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- fanout -->\nold\n<!-- /fanout -->\nafter\n")
    write_between(page, "fanout", "new\n")
    write_between(page, "fanout", "newer")
    assert page.read_text() == "before\n<!-- fanout -->\nnewer\n<!-- /fanout -->\nafter\n"
    with pytest.raises(ValueError, match="no place for latency"):
        write_between(page, "latency", "")
