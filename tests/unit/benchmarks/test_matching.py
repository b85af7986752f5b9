"""The matching benchmark keeps what it has measured when it is ended early."""

import pytest

from benchmarks import matching
from benchmarks.matching_banks import Bank


@pytest.fixture(autouse=True)
def _banks_without_rules(monkeypatch):
    """Making the rules of every bank takes seconds, and nothing is measured here."""
    monkeypatch.setattr(matching, "banks", lambda: [Bank(name, {}) for name in ("mix", "tworange")])


def a_row(size):
    spread = {"median": 100_000.0, "min": 90_000.0, "max": 110_000.0}
    return {
        "bank": "mix",
        "subscriptions": size,
        "engine": "router",
        "matches_per_event": 0.25,
        "events_per_second": spread,
        "events_per_cpu_second": spread,
        "adds_per_second": 1.0,
        "removes_per_second": 2.0,
        "swap_ms": {"median": 0.1, "max": 1.0, "cpu_max": 0.9},
        "bytes_per_subscription": 2_000.0,
        "ratio_to_event_ruler": None,
        "cpu_ratio": None,
    }


@pytest.mark.parametrize("end", [KeyboardInterrupt, SystemExit])
def test_what_was_measured_before_the_end_is_in_the_table_and_among_the_figures(end, monkeypatch, tmp_path, capsys):
    def compare(*_):
        yield [a_row(100)], [{"bank": "mix", "subscriptions": 100, "engine": "event-ruler", "reason": "too slow"}]
        assert "| mix | 0.25 | 100 k (90 to 110) | - |" in table.read_text()
        yield [a_row(1_000)], []
        yield [a_row(100) | {"bank": "tworange"}], []
        raise end

    monkeypatch.setattr(matching, "compare", compare)
    table = tmp_path / "table.md"
    figures = matching.run(["--without-event-ruler", "--table", str(table)])
    assert [(row["bank"], row["subscriptions"]) for row in figures["banks"]] == [
        ("mix", 100),
        ("mix", 1_000),
        ("tworange", 100),
    ]
    assert figures["ended_early"]
    assert figures["unmeasured"][0]["reason"] == "too slow"
    assert "| tworange | - | 100 k (90 to 110) | - |  | - | - |  | |" in table.read_text()
    assert "slowest bank at 1,000: mix" in capsys.readouterr().out


def test_a_run_that_is_ended_before_the_first_figure_says_so(monkeypatch, capsys):
    def compare(*_):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(matching, "compare", compare)
    assert matching.run(["--without-event-ruler"])["banks"] == []
    assert "nothing was measured" in capsys.readouterr().out
