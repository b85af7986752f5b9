"""How a command fails."""

from router.cli.failures import report
from router.errors import RefusedError, RouterError


def test_an_error_is_one_sentence_and_a_hint(capsys):
    assert report(RouterError("no router answers", hint="router up"), {}) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "error: no router answers\nhint: router up\n"


def test_an_error_without_a_hint_is_one_line(capsys):
    assert report(RefusedError("a [bold]name[/bold] is wrong"), {}) == 1
    assert capsys.readouterr().err == "error: a [bold]name[/bold] is wrong\n"


def test_an_unexpected_error_has_no_traceback(capsys):
    assert report(ValueError("boom"), {}) == 1
    error = capsys.readouterr().err
    assert "unexpected ValueError: boom" in error
    assert "Traceback" not in error


def test_a_traceback_can_be_asked_for(capsys):
    report(ValueError("boom"), {"ROUTER_LOG_LEVEL": "debug"})
    assert "ValueError: boom" in capsys.readouterr().err


def test_ctrl_c_says_nothing(capsys):
    assert report(KeyboardInterrupt(), {}) == 130
    assert capsys.readouterr().err == ""
