"""Endpoints to deliver to, on real sockets: one that is scripted and remembers, and raw ones that misbehave."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

Answer = int | web.Response | Callable[["Received"], Awaitable[web.StreamResponse]]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Misbehave = Serve


@dataclass(frozen=True)
class Received:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Answers what `answers` says, in order, then `then`; keeps every request."""

    answers: list[Answer] = field(default_factory=list)
    then: Answer = 200
    received: list[Received] = field(default_factory=list)
    url: str = ""
    _arrived: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait_for(self, count: int, seconds: float = 60.0) -> list[Received]:
        """Return the requests once there are at least so many."""
        async with asyncio.timeout(seconds), self._arrived:
            await self._arrived.wait_for(lambda: len(self.received) >= count)
        return self.received

    async def answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        received = Received(request.method, request.path_qs, headers, body)
        async with self._arrived:
            self.received.append(received)
            self._arrived.notify_all()
        answer = self.answers.pop(0) if self.answers else self.then
        if isinstance(answer, int):
            return web.Response(status=answer)
        return answer if isinstance(answer, web.Response) else await answer(received)


@asynccontextmanager
async def a_receiver(*answers: Answer, then: Answer = 200, host: str = "127.0.0.1") -> AsyncIterator[Receiver]:
    """Give a receiver that listens."""
    receiver = Receiver(list(answers), then)
    app = web.Application(client_max_size=8 << 20)
    app.router.add_route("*", "/{tail:.*}", receiver.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, host, 0)
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"http://{host}:{port}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@asynccontextmanager
async def a_hostile(misbehave: Misbehave) -> AsyncIterator[str]:
    """Give the URL of a server that reads a request's head and body, then misbehaves."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), b":0")
            await reader.readexactly(int(length.partition(b":")[2]))
            await misbehave(reader, writer)

    async with listening(serve) as port:
        yield f"http://127.0.0.1:{port}/hook"


@asynccontextmanager
async def listening(serve: Serve, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """Give the port of a server that serves each connection once; what is still open at the end is closed."""
    connections: set[asyncio.Task[Any]] = set()

    async def serve_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        connections.add(task)
        try:
            await serve(reader, writer)
        finally:
            connections.discard(task)
            writer.close()

    server = await asyncio.start_server(serve_once, host, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in list(connections):
            task.cancel()
        await server.wait_closed()
