"""What the publish endpoint asks of a request."""

import pytest
from starlette.requests import ClientDisconnect

from router.ingress.request import PublishRequest


class Sender:
    """Sends a body in parts; `taken` counts those that were asked for."""

    def __init__(self, *parts: bytes, leaves: bool = False) -> None:
        self.parts = list(parts)
        self.leaves = leaves
        self.taken = 0

    async def receive(self):
        if self.leaves and self.taken == len(self.parts):
            return {"type": "http.disconnect"}
        self.taken += 1
        body = self.parts[self.taken - 1]
        return {"type": "http.request", "body": body, "more_body": self.leaves or self.taken < len(self.parts)}


def request(sender, *headers, query=b""):
    scope = {"method": "POST", "path": "/api/events", "scheme": "http", "query_string": query, "headers": list(headers)}
    return PublishRequest(scope, sender.receive)


@pytest.mark.parametrize("parts", [(b"abcd",), (b"ab", b"cd"), (b"", b"abcd", b"")])
async def test_a_body_comes_in_any_number_of_parts(parts):
    assert await request(Sender(*parts)).body(4) == b"abcd"


async def test_of_a_body_that_is_too_large_no_more_is_read_until_it_is_drained():
    sender = Sender(b"abc", b"de", b"f", b"g")
    refused = request(sender)
    assert await refused.body(4) is None
    assert sender.taken == 2
    await refused.drain()
    assert sender.taken == 4
    await refused.drain()  # there is nothing left


async def test_whoever_asks_before_it_sends_is_not_waited_for():
    sender = Sender(b"abc")
    await request(sender, (b"expect", b"100-continue")).drain()
    assert sender.taken == 0


async def test_a_sender_that_leaves_is_noticed():
    with pytest.raises(ClientDisconnect):
        await request(Sender(b"ab", leaves=True)).body(10)


def test_of_repeated_headers_the_first_one_counts():
    given = request(Sender(), (b"aeg-sas-key", b"one"), (b"aeg-sas-key", b"two"), (b"host", b"\xe9"))
    assert (given.header(b"aeg-sas-key"), given.header(b"host"), given.header(b"x")) == ("one", "é", None)


@pytest.mark.parametrize(
    ("headers", "size"), [([(b"content-length", b"12")], 12), ([(b"content-length", b"x")], 7), ([], 7)]
)
def test_a_size_that_is_not_announced_is_taken_for_the_largest(headers, size):
    assert request(Sender(), *headers).announced_size(unknown=7) == size


def test_a_key_may_be_in_the_query_which_no_address_shows():
    given = request(Sender(), (b"host", b"here:8080"), query=b"api-version=2018-01-01&aeg-sas-key=a%2Bb")
    assert given.key_in_query() == "a+b"
    assert given.uri() == "http://here:8080/api/events"
