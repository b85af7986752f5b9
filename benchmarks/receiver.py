"""An endpoint for benchmarks: answers 200 after as many milliseconds as its path says; knows every id it got.

`/<ms>/…` answers after so long, `/bad/…` as `PUT /mode/<ok|dead|hang|busy>` says. `GET /report`, `GET /times` (when
deliveries arrived, and how long that took, each told once) and `PUT /reset` are for whoever measures. As cheap as an
endpoint in Python can be, for it shares the cores with what is measured.
"""

import argparse
import asyncio
import time
from collections import Counter
from functools import partial

import orjson
import uvloop

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"
DEAD = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"
HANG_SECONDS = 31


class State:
    """What came, by path."""

    def __init__(self):
        self.reset()

    def reset(self):
        """Forget everything."""
        self.arrivals = {}
        self.times = {}
        self.open = self.most_open = self.connections = 0
        self.mode = "ok"
        self.first = self.last = 0.0

    def take_times(self):
        """Return when deliveries arrived since this was asked last, and how many seconds each took."""
        times, self.times = self.times, {}
        return times

    def report(self):
        """Return what came."""
        return {
            "ids": {path: len(ids) for path, ids in self.arrivals.items()},
            "repeats": sum(sum(ids.values()) - len(ids) for ids in self.arrivals.values()),
            "seconds": self.last - self.first,
            "most_at_once": self.most_open,
            "open": self.open,
            "connections": self.connections,
        }


class Endpoint(asyncio.Protocol):
    """One connection."""

    def __init__(self, state):
        self.state = state
        self.buffer = b""

    def connection_made(self, transport):
        self.transport = transport
        self.state.connections += 1

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end]
            at = head.lower().find(b"content-length:")
            length = (
                int(head[at + 15 : head.find(b"\r\n", at) if head.find(b"\r\n", at) > 0 else end]) if at >= 0 else 0
            )
            if len(self.buffer) < end + 4 + length:
                return
            body, self.buffer = self.buffer[end + 4 : end + 4 + length], self.buffer[end + 4 + length :]
            self.answer(head, body)

    def answer(self, head, body):
        method, path, _ = head[: head.find(b"\r\n")].decode().split(" ")
        if method == "POST":
            self.take(path, head, body)
            return
        if path == "/reset":
            self.state.reset()
        elif path.startswith("/mode/"):
            self.state.mode = path[6:]
        told = orjson.dumps(self.state.take_times() if path == "/times" else self.state.report())
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(told) + told)

    def take(self, path, head, body):
        state, now = self.state, time.time()
        kind = path.split("/")[1]
        answer, wait = OK, 0.0
        if kind == "bad" and state.mode != "ok":
            answer = {"dead": DEAD, "busy": BUSY}.get(state.mode, OK)
            wait = HANG_SECONDS if state.mode == "hang" else 0.0
        elif kind.isdigit():
            wait = int(kind) / 1000
        if answer is OK and wait < HANG_SECONDS:
            at = head.find(b"webhook-id: ") + 12
            state.arrivals.setdefault(path, Counter())[head[at : head.find(b"\r\n", at)]] += 1
            if kind == "watch":
                took = now - orjson.loads(body)[0]["data"]["sent"]
                state.times.setdefault(path, []).append((time.monotonic(), took))
            state.first = state.first or now
            state.last = now
        state.open += 1
        state.most_open = max(state.most_open, state.open)
        if wait:
            asyncio.get_running_loop().call_later(wait, partial(self.send, answer))
        else:
            self.send(answer)

    def send(self, answer):
        self.state.open -= 1
        if not self.transport.is_closing():
            self.transport.write(answer)


async def serve(port):
    """Serve until the process is ended."""
    state = State()
    server = await asyncio.get_running_loop().create_server(partial(Endpoint, state), "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    uvloop.run(serve(parser.parse_args().port))
