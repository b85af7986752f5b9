"""Shared access signatures, as the SDKs of several languages write them."""

import hmac
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest

from router.ingress.sas_token import is_for, is_signed_by, parse_token
from router.sources.view import AccessKeys

KEY = "dGVzdGtleXRlc3RrZXl0ZXN0a2V5dGVzdGtleQ=="
OTHER = b64encode(b"another key").decode()
RECORDED = (
    "r=http%3A%2F%2F127.0.0.1%3A18999%2Fapi%2Fevents%3FapiVersion%3D2018-01-01"
    "&e=2030-01-01%2000%3A00%3A00%2B00%3A00&s=Wy5HOe13DCzbNDgAoQwFK%2B1SWDIUQyDw5FwsLdSc2vc%3D"
)


def a_token(expiry: str, encode=quote_plus, resource="http://127.0.0.1:18999/api/events") -> str:
    signed = f"r={encode(resource)}&e={encode(expiry)}"
    signature = b64encode(hmac.digest(b64decode(KEY), signed.encode(), "sha256")).decode()
    return f"{signed}&s={encode(signature)}"


def lower_case_hex(text: str) -> str:
    """How HttpUtility.UrlEncode of .NET writes: spaces as plus signs, hexadecimal digits in lower case."""
    first, *escapes = quote_plus(text).split("%")
    return "%".join([first, *(escape[:2].lower() + escape[2:] for escape in escapes)])


def test_the_recorded_token_of_the_python_sdk_is_good():
    token = parse_token(RECORDED)
    assert token.expires == datetime(2030, 1, 1, tzinfo=UTC)
    assert is_signed_by(token, AccessKeys(OTHER, KEY))
    assert is_signed_by(token, AccessKeys(KEY, OTHER))
    assert is_for(token, "127.0.0.1", "/api/events")


@pytest.mark.parametrize("encode", [quote, quote_plus, lower_case_hex, lambda text: quote(text, safe="~()*!.'")])
@pytest.mark.parametrize(
    ("expiry", "moment"),
    [
        ("2030-06-15 18:20:15+00:00", datetime(2030, 6, 15, 18, 20, 15, tzinfo=UTC)),
        ("2030-06-15T18:20:15", datetime(2030, 6, 15, 18, 20, 15, tzinfo=UTC)),
        ("2030-06-15T20:20:15+02:00", datetime(2030, 6, 15, 18, 20, 15, tzinfo=UTC)),
        ("2030-06-15T18:20:15.123Z", datetime(2030, 6, 15, 18, 20, 15, 123000, tzinfo=UTC)),
        ("6/15/2030 6:20:15 PM", datetime(2030, 6, 15, 18, 20, 15, tzinfo=UTC)),
        ("12/1/2030 12:00:00 AM", datetime(2030, 12, 1, tzinfo=UTC)),
        ("6/15/2030 6:20:15 PM +00:00", datetime(2030, 6, 15, 18, 20, 15, tzinfo=UTC)),
        ("6/15/2030 8:20:15 PM +02:00", datetime(2030, 6, 15, 18, 20, 15, tzinfo=UTC)),
        ("6/15/2030 6:2:5 PM", datetime(2030, 6, 15, 18, 2, 5, tzinfo=UTC)),
        ("6/15/2030 6:20:15\u202fPM", datetime(2030, 6, 15, 18, 20, 15, tzinfo=UTC)),
        ("2030-06-15 18:20:15 +0000 UTC", datetime(2030, 6, 15, 18, 20, 15, tzinfo=UTC)),
        ("2030-06-15T18:20:15.1234567Z", datetime(2030, 6, 15, 18, 20, 15, 123456, tzinfo=UTC)),
        ("Sat, 15 Jun 2030 18:20:15 GMT", datetime(2030, 6, 15, 18, 20, 15, tzinfo=UTC)),
    ],
)
def test_every_way_to_write_the_expiry_is_read(encode, expiry, moment):
    token = parse_token(a_token(expiry, encode))
    assert token.expires == moment
    assert is_signed_by(token, AccessKeys(KEY, OTHER))


def test_a_token_of_another_key_or_with_another_expiry_is_not_good():
    token = parse_token(a_token("2030-01-01T00:00:00Z"))
    assert not is_signed_by(token, AccessKeys(OTHER, OTHER))
    prolonged = parse_token(a_token("2030-01-01T00:00:00Z").replace("2030", "2040"))
    assert not is_signed_by(prolonged, AccessKeys(KEY, KEY))


def test_an_empty_signature_is_never_good():
    assert not is_signed_by(parse_token("r=x&e=2030-01-01&s="), AccessKeys("no base64!", "é"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "r=&e=2030-01-01&s=x",
        "r=x&s=x",
        "r=x&e=soon&s=x",
        "e=2030-01-01&s=x",
        "r=x&e=2030-01-01",
        "&&&",
        "r=%ff%fe&e=%00&s=%",
    ],
)
def test_what_is_no_token_is_none(text):
    assert parse_token(text) is None


@pytest.mark.parametrize(
    ("resource", "fits"),
    [
        ("http://router.test/api/events", True),
        ("https://ROUTER.test:443/api/events?api-version=2018-01-01", True),
        ("https://router.test", True),
        ("router.test/api/events", True),
        ("http://other.test/api/events", False),
        ("http://router.test/topics/x/api/events", False),
        ("http://[", False),
    ],
)
def test_a_token_is_for_its_host_and_path(resource, fits):
    assert is_for(parse_token(a_token("2030-01-01", resource=resource)), "router.test", "/api/events") is fits
