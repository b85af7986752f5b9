"""What commands print, as a terminal shows it."""

import pytest

from router.cli import output

DELIVERY = "81366bd04bed4a3c-2-11-1a2253a8253"
ROW = (
    DELIVERY,
    "alerts",
    "UndeliverableDueToClientError",
    "2026-11-29 02:55:38.617",
    "an answer of many words, folded",
)


@pytest.mark.parametrize("columns", ["40", "80", "200"])
def test_ids_of_a_table_are_in_one_piece_however_narrow_the_terminal_is(monkeypatch, capsys, columns):
    monkeypatch.setenv("COLUMNS", columns)
    output.print_table(("DELIVERY", "SUBSCRIPTION", "REASON", "AT", "ANSWER"), [ROW])
    words = capsys.readouterr().out.split()
    assert set(words) == set(" ".join(("DELIVERY SUBSCRIPTION REASON AT ANSWER", *ROW)).split())


def test_a_table_that_fits_is_no_wider_than_the_terminal(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    output.print_table(("NAME", "SAYS"), [("alerts", "word " * 40)])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


def test_a_word_that_is_too_long_for_any_table_is_folded(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    output.print_table(("NAME", "SAYS"), [("alerts", "x" * 1000)])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_row_is_one_line_where_the_terminal_has_to_fold_it(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    output.print_table(("DELIVERY", "AT"), [(DELIVERY, "2026-11-29 02:55:38.617")] * 3)
    assert len(capsys.readouterr().out.splitlines()) == 1 + 3


def test_a_table_without_rows_is_its_headings(capsys):
    output.print_table(("NAME", "SAYS"), [])
    assert capsys.readouterr().out.split() == ["NAME", "SAYS"]
