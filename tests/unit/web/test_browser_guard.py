"""Which Host and Origin headers are good."""

import pytest

from router.web.browser_guard import TrustedHosts

LOOPBACK = TrustedHosts("127.0.0.1")
EVERYWHERE = TrustedHosts("0.0.0.0", "https://router.example.com:8443")  # noqa: S104 (bound by nobody)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080", "127.9.9.9", "x.localhost"]
)
def test_this_machine_is_trusted(host):
    assert LOOPBACK.why_refused(host, None) is None
    assert EVERYWHERE.why_refused(host, None) is None


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.test",
        "127.0.0.1.evil.test",
        "192.168.1.1",
        "server",
        "[",
        "localhost.evil.test",
        "user@evil.test",
    ],
)
def test_other_names_are_not(host):
    assert "Host" in LOOPBACK.why_refused(host, None)


@pytest.mark.parametrize("host", ["router.example.com:8443", "192.168.1.1:8080", "server:8080"])
def test_who_listens_everywhere_trusts_its_public_name_addresses_and_local_names(host):
    assert EVERYWHERE.why_refused(host, None) is None
    assert EVERYWHERE.why_refused("evil.test", None) is not None


@pytest.mark.parametrize(
    "origin", ["http://evil.test", "null", "", "http://localhost:3000", "http://127.0.0.1:8081", "http://127.0.0.1"]
)
def test_pages_of_others_are_refused(origin):
    assert "Origin" in LOOPBACK.why_refused("127.0.0.1:8080", origin)


def test_pages_of_this_server_are_not():
    assert LOOPBACK.why_refused("127.0.0.1:8080", "http://127.0.0.1:8080") is None
    assert EVERYWHERE.why_refused("server:8080", "https://router.example.com:8443") is None
