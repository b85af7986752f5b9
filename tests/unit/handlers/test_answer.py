"""Reading answers."""

from datetime import UTC, datetime, timedelta

import pytest

from router.handlers.answer import DETAIL_LIMIT, as_detail, retry_after

NOON = datetime(2025, 10, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        ("0", 0),
        ("99999999999999999999999", 86_400),
        ("Mon, 20 Oct 2025 12:05:00 GMT", 300),
        ("Mon, 20 Oct 2025 11:05:00 GMT", 0),
        ("Mon, 20 Oct 99999999999999999999 12:05:00 GMT", None),
        ("Mon, 20 Oct 2025 12:05:00 +99999999999999", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_nonsense_is_nothing(value, seconds):
    assert retry_after(value, NOON) == (None if seconds is None else timedelta(seconds=seconds))


def test_detail_is_one_safe_line():
    assert as_detail(b"a\r\nb\x1b[31m\x00c\xff\xe2\x80\xae") == "a  b [31m c\ufffd "


def test_detail_is_short():
    assert len(as_detail(b"x" * 100_000)) == DETAIL_LIMIT
