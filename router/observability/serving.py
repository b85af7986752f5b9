"""An HTTP server beside other work: started and stopped by whoever owns the process, and deaf to signals."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from router.errors import SettingsError

_BACKLOG = 2048


class _DeafServer(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """What a server needs to speak TLS: its certificate, with those that signed it, and its key; both PEM."""

    certificate: Path
    key: Path


class BackgroundServer:
    """Serves an ASGI app on a port until it is stopped."""

    def __init__(
        self, app: ASGIApp, host: str, port: int, *, graceful_seconds: int = 10, tls: TlsFiles | None = None
    ) -> None:
        self._host = host
        self._port = port
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            lifespan="off",
            backlog=_BACKLOG,
            # Longer than the clients' pools keep a connection, so that none is closed under a request.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=graceful_seconds,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
        )
        self._server = _DeafServer(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> int:
        """Bind the port, begin to serve and return the port (which the system chooses for 0).

        Raises:
            SettingsError: the port cannot be bound; the message says why.
        """
        listener = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Connections inherit it. asyncio sets it only for sockets that say they are TCP; without it answers wait 40 ms.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            listener.bind((self._host, self._port))
            listener.listen(_BACKLOG)  # whoever connects from now on is served
        except OSError as error:
            listener.close()
            raise SettingsError(
                f"cannot listen on {self._host}:{self._port}: {error.strerror}", hint="Choose another port."
            ) from None
        self._task = asyncio.create_task(self._server.serve(sockets=[listener]), name=f"http {self._port}")
        return int(listener.getsockname()[1])

    async def stop(self) -> None:
        """Finish the requests under way and close the port."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
