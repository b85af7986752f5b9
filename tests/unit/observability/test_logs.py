"""What reaches the log of what libraries say."""

import logging
from collections.abc import Iterator

import pytest
import structlog

from router.observability.logs import configure_logs


@pytest.fixture
def handler() -> Iterator[logging.Handler]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("info", "json")
    yield root.handlers[0]
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def a_line(text: str, at: float, *arguments: object) -> logging.LogRecord:
    record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, text, arguments, None)
    record.created = at
    return record


def test_a_library_says_the_same_thing_once_in_ten_seconds(handler):
    said = [bool(handler.filter(a_line("cannot connect to %s", at, at))) for at in (100.0, 100.1, 109.9, 110.1, 111.0)]
    assert said == [True, False, False, True, False]


def test_other_things_are_said_meanwhile(handler):
    assert handler.filter(a_line("one", 100.0))
    assert handler.filter(a_line("another", 100.0))
