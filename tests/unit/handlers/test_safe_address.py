"""Where webhooks may go."""

from ipaddress import ip_address, ip_network

import pytest

from router.errors import RefusedError
from router.handlers import EndpointPolicy, check_endpoint_url, resolve_and_check

STRICT = EndpointPolicy()
LOOPBACK = EndpointPolicy((ip_network("127.0.0.0/8"), ip_network("::1/128")), allow_http=True)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
        *(
            "0.0.0.0",  # noqa: S104 (an address to refuse)
            "0.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "198.18.0.1",
            "198.51.100.1",
        ),
        *("203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.88.99.1"),
        *("::", "::1", "fe80::1", "fc00::1", "fd00::1", "fec0::1", "ff02::1", "2001:db8::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a00:1"),
        *("64:ff9b:1::1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
        *("::ffff:0:127.0.0.1", "3fff::1", "5f00::1"),
    ],
)
def test_no_private_address_in_any_form_is_connected_to(address):
    assert STRICT.refuses(ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "172.32.0.1", "100.63.255.255", "100.128.0.1", "2606:4700::1111", "::ffff:8.8.8.8"],
)
def test_public_addresses_are_connected_to(address):
    assert not STRICT.refuses(ip_address(address))


def test_an_allowed_network_is_connected_to_and_no_other():
    policy = EndpointPolicy((ip_network("10.1.0.0/16"),))
    assert not policy.refuses(ip_address("10.1.2.3"))
    assert not policy.refuses(ip_address("::ffff:10.1.2.3"))
    assert policy.refuses(ip_address("10.2.0.1"))
    assert policy.refuses(ip_address("127.0.0.1"))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "",
            None,
            "example.com/hook",
            "/hook",
            "https:/example.com",
            "https://",
            "https:///hook",
            "ftp://example.com/",
        ),
        *("http://example.com/hook", "https://example.com:99999/", "https://example.com:0/", "https://example.com:x/"),
        *(
            "https://exa mple.com/",
            "https://example.com/a b",
            "https://example.com/\r\nX: 1",
            "https://example.com/\x00",
        ),
        *("https://user@example.com/", "https://user:secret@example.com/", "https://:secret@example.com/"),
        *(
            "https://127.0.0.1\\@example.com/",
            "https://[::1",
            "javascript:alert(1)",
            "https://example.com/" + "x" * 9000,
        ),
    ],
)
def test_a_url_that_is_no_public_https_url_is_refused_in_azures_words(url):
    with pytest.raises(RefusedError, match=r"Supplied URL is invalid\. It cannot be null or empty") as refused:
        check_endpoint_url(url, STRICT)
    assert (refused.value.code, refused.value.target) == (
        "InvalidRequest",
        "properties.destination.properties.endpointUrl",
    )


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "017700000001", "0177.0.0.1", "127.0.0.1."),
        *("[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fe80::1%25eth0]", "0", "0x0"),
        *("169.254.169.254", "10.0.0.1", "①②⑦.⓪.⓪.①"),
    ],
)
def test_a_private_address_is_refused_however_it_is_written(host):
    with pytest.raises(RefusedError, match="not a public address"):
        check_endpoint_url(f"https://{host}/hook", STRICT)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/hook", "https://127.0.0.1/hook", "http://[::1]:9000/hook"])
def test_loopback_over_plain_http_is_taken_where_it_is_allowed(url):
    assert str(check_endpoint_url(url, LOOPBACK)) == url


def test_the_query_keeps_its_bytes():
    url = "https://example.com/a%2Fb?code=a%2Fb%3D%3D+x"
    assert check_endpoint_url(url, STRICT).raw_path_qs == "/a%2Fb?code=a%2Fb%3D%3D+x"


async def test_a_name_that_leads_to_a_private_address_is_refused():
    with pytest.raises(RefusedError, match="localhost is not a public address"):
        await resolve_and_check("https://localhost/hook", STRICT)
    await resolve_and_check("http://localhost/hook", LOOPBACK)


async def test_a_name_without_an_address_is_left_to_the_handshake():
    await resolve_and_check("https://nowhere.invalid/hook", STRICT)
