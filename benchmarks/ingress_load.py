"""Load for the publish endpoint: keep-alive connections, each sending its next request when the answer has come.

`python -m benchmarks.ingress_load URL KEY EVENTS CONNECTIONS SECONDS` prints answers a second, and those not 200.
"""

import asyncio
import json
import sys
import time
from typing import cast
from urllib.parse import urlsplit

import uvloop

from benchmarks.workspace_events import event

END = b"\r\n\r\n"
WARM_UP_SECONDS = 1.0


def request(url: str, key: str, events: int) -> bytes:
    """Return one whole request with as many events, each of about 480 bytes."""
    parts = urlsplit(url)
    body = b"[" + b",".join(event(number).value or b"" for number in range(events)) + b"]"
    return (
        f"POST {parts.path}?api-version=2018-01-01 HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        "Content-Type: application/json; charset=utf-8\r\nx-ms-client-request-id: d6357188\r\nAccept: */*\r\n"
        "User-Agent: azsdk-python-eventgrid/4.22.1\r\n"
        f"aeg-sas-key: {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


class Publisher(asyncio.Protocol):
    """One connection; `answers` and `failures` are counted for all of them."""

    answers = 0
    failures = 0

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._received = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the first request."""
        self._transport = cast(asyncio.WriteTransport, transport)
        self._transport.write(self._content)

    def data_received(self, data: bytes) -> None:
        """Count an answer (none has a body but a refusal) and send the next request."""
        assert self._transport is not None
        self._received += data
        if END not in self._received:
            return
        if self._received.startswith(b"HTTP/1.1 200"):
            Publisher.answers += 1
        else:
            Publisher.failures += 1
        self._received = b""
        self._transport.write(self._content)


async def load(url: str, key: str, events: int, connections: int, seconds: float) -> dict[str, float]:
    """Publish for a while; return the rate after a warm-up."""
    parts, content = urlsplit(url), request(url, key, events)
    loop = asyncio.get_running_loop()
    for _ in range(connections):
        await loop.create_connection(lambda: Publisher(content), parts.hostname, parts.port)
    await asyncio.sleep(WARM_UP_SECONDS)
    before, start = Publisher.answers, time.perf_counter()
    await asyncio.sleep(seconds)
    rate = (Publisher.answers - before) / (time.perf_counter() - start)
    return {"requests_per_second": rate, "failures": Publisher.failures}


if __name__ == "__main__":
    url, key, *rest = sys.argv[1:]
    sys.stdout.write(json.dumps(uvloop.run(load(url, key, int(rest[0]), int(rest[1]), float(rest[2])))) + "\n")
