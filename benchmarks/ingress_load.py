"""Load for the publish endpoint: keep-alive connections, each sending its next request when the answer has come.

`python -m benchmarks.ingress_load URL KEY EVENTS CONNECTIONS SECONDS` prints answers a second, all answers that came,
those of them that are not 200, and the CPU time an answer cost the load. Each connection has a request of its own,
written once.
"""

import asyncio
import json
import sys
import time
from functools import partial
from typing import cast
from urllib.parse import urlsplit

import orjson
import uvloop

from benchmarks.workspace_events import event

END = b"\r\n\r\n"
WARM_UP_SECONDS = 1.0


def published(number: int) -> bytes:
    """Return an event of about 440 bytes as Azure's SDKs write it: without what the service stamps."""
    members = orjson.loads(event(number).value or b"")
    del members["topic"], members["metadataVersion"]
    return orjson.dumps(members)


def request(url: str, key: str, events: int, first: int = 0) -> bytes:
    """Return one whole request with as many events, numbered from the first on; no two have the same subject."""
    parts = urlsplit(url)
    body = b"[" + b",".join(published(first + number) for number in range(events)) + b"]"
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
    parts, loop = urlsplit(url), asyncio.get_running_loop()
    for content in [request(url, key, events, number * events) for number in range(connections)]:
        await loop.create_connection(partial(Publisher, content), parts.hostname or "", parts.port or 80)
    await asyncio.sleep(WARM_UP_SECONDS)
    before, start, used = Publisher.answers, time.perf_counter(), time.process_time()
    await asyncio.sleep(seconds)
    answers = Publisher.answers - before
    return {
        "requests_per_second": answers / (time.perf_counter() - start),
        "answers": Publisher.answers,
        "failures": Publisher.failures,
        "load_cpu_us": (time.process_time() - used) / max(answers, 1) * 1e6,
    }


if __name__ == "__main__":
    url, key, *rest = sys.argv[1:]
    sys.stdout.write(json.dumps(uvloop.run(load(url, key, int(rest[0]), int(rest[1]), float(rest[2])))) + "\n")
