"""Ten thousand requests that show no good credentials: all of them 401 in Azure's words, none of them routed."""

import asyncio
import hmac
import json
from base64 import b64decode, b64encode
from urllib.parse import quote_plus, urlsplit

import pytest

from tests.api.publishing import publishing
from tests.builders import an_access_key, an_event

pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(240)]

CONNECTIONS = 8
REQUESTS = 10_000
END = " to our forums for assistance or raise a support ticket."
NOT_AUTHORIZED = "The request authorization key is not authorized for 127.0.0.1."


def a_token(url: str, key: str, year: int, signature: str | None = None) -> str:
    signed = f"r={quote_plus(url + '/api/events')}&e={quote_plus(f'1/1/{year} 12:00:00 AM')}"
    good = b64encode(hmac.digest(b64decode(key), signed.encode(), "sha256")).decode()
    return f"{signed}&s={quote_plus(signature or good)}"


def bad_credentials(url: str) -> list[tuple[str, str]]:
    """Header lines and what the answer to them says."""
    broken = a_token(url, an_access_key(), 2040, b64encode(b"x" * 32).decode())
    expired, foreign = a_token(url, an_access_key(), 2020), a_token(url, b64encode(b"other").decode(), 2040)
    return [
        (f"aeg-sas-key: {b64encode(b'wrong').decode()}\r\n", NOT_AUTHORIZED),
        ("aeg-sas-key: no base64!\r\n", "The input is not a valid Base-64 string"),
        (f"aeg-sas-token: {broken}\r\n", "The signature is not valid."),
        (f"Authorization: SharedAccessSignature {foreign}\r\n", "The signature is not valid."),
        (f"aeg-sas-token: {expired}\r\n", "The token has expired."),
        (f"Authorization: SharedAccessSignature {expired}\r\n", "The token has expired."),
        ("Authorization: Bearer nonsense\r\n", "Unable to read access token."),
        ("Authorization: Basic dTpw\r\n", "(must be SharedAccessSignature or Bearer)."),
        ("", "Request must contain one of the following authorization signature: aeg-sas-token, aeg-sas-key."),
    ]


async def publish(host: str, port: int, bad: list[tuple[str, str]], numbers: range) -> int:
    """Send requests over one connection; return how many were refused as they should be."""
    reader, writer = await asyncio.open_connection(host, port)
    body, refused = json.dumps([an_event()]).encode(), 0
    for number in numbers:
        header, words = bad[number % len(bad)]
        head = f"POST /api/events HTTP/1.1\r\nHost: {host}:{port}\r\n{header}Content-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = int(answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        error = json.loads(await reader.readexactly(length))["error"]
        assert answer.startswith(b"HTTP/1.1 401 "), answer
        assert (error["code"], error["details"][0]["code"]) == ("Unauthorized", "Unauthorized")
        assert words in error["message"]
        assert error["message"].endswith(END)
        assert error["details"][0]["message"] == error["message"]
        refused += 1
    writer.close()
    await writer.wait_closed()
    return refused


async def test_ten_thousand_bad_credentials_are_all_refused_and_nothing_is_routed():
    async with publishing() as endpoint:
        parts, bad = urlsplit(endpoint.url), bad_credentials(endpoint.url)
        shares = [range(first, REQUESTS, CONNECTIONS) for first in range(CONNECTIONS)]
        done = await asyncio.gather(*(publish(parts.hostname, parts.port, bad, share) for share in shares))
        assert sum(done) == REQUESTS
        assert endpoint.messages == []
        assert (await endpoint.post([an_event()])).status_code == 200
