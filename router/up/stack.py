"""The whole stack as one object: for `router up`, the demo and tests.

async with Stack(UpOptions(data_dir=Path(".router"))) as stack:
await stack.wait_ready()
"""

import asyncio
import logging
import os
import time
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Final, Self

from router.errors import KafkaUnavailableError, RouterError, SettingsError
from router.kafka.embedded.broker import EmbeddedKafka, EmbeddedKafkaOptions
from router.kafka.embedded.jars import Report
from router.kafka.embedded.ports import wait_until_free
from router.up.file_lock import FileLock
from router.up.instance import instance_name
from router.up.metrics_ports import MetricsPorts
from router.up.options import UpOptions
from router.up.part import Program
from router.up.programs import ProgramSpec, program_specs
from router.up.readiness import readiness
from router.up.supervisor import Supervisor

READY_SECONDS: Final = 120.0
POLL_SECONDS: Final = 0.1
PORT_PATIENCE_SECONDS: Final = 2.0
# Together below the 30 s in which everything has to have ended (design §4).
SERVER_STOP_SECONDS: Final = 8.0
WORKERS_STOP_SECONDS: Final = 10.0
KAFKA_STOP_SECONDS: Final = 8.0

KAFKA: Final = "kafka"
Specs = Callable[..., tuple[ProgramSpec, list[ProgramSpec]]]
"""Makes the children's command lines; `router.up.programs.program_specs` unless a test has others."""


class StartError(RouterError):
    """The stack did not become ready; the message says which part and why."""


class Stack:
    """Kafka, server and workers, started in this order and stopped in the opposite one."""

    def __init__(self, options: UpOptions, *, report: Report = lambda _: None, specs: Specs = program_specs) -> None:
        self._options = options
        self._report = report
        self._specs = specs
        self._lock = FileLock(options.data_dir / "up.lock")
        self._ports = MetricsPorts()
        self._workers: list[str] = []
        self._supervisor = Supervisor(report)
        self.kafka: EmbeddedKafka | None = None
        self.bootstrap_servers = options.bootstrap_servers or ""

    async def __aenter__(self) -> Self:
        """Start everything; see `start`."""
        await self.start()
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop everything in order."""
        await self.stop()

    async def start(self) -> None:
        """Start Kafka and wait for it, then start server and workers; nothing is left behind when that fails.

        Raises:
            RouterError: something cannot be started; message and hint say why.
        """
        try:
            await self._start()
        except BaseException:
            await self._close()
            raise

    async def wait_ready(self, timeout_seconds: float = READY_SECONDS) -> None:
        """Return once the server says that everything is ready.

        Raises:
            StartError: a part keeps ending, or it takes longer than `timeout_seconds`.
        """
        end = time.monotonic() + timeout_seconds
        while not (state := await readiness(self._options.server_url)).ready:
            if not self._supervisor.troubles.empty():
                trouble = self._supervisor.troubles.get_nowait()
                log = self._options.log_dir / f"{trouble.name}.log"
                raise StartError(f"{trouble.name} keeps ending: {_last_words(trouble.lines)}", hint=f"Its log is {log}")
            if time.monotonic() > end:
                raise StartError(
                    f"not ready after {timeout_seconds:.0f} s; still waiting for {state.waiting_for}",
                    hint=f"The logs are in {self._options.log_dir}",
                )
            await asyncio.sleep(POLL_SECONDS)

    async def stop(self) -> None:
        """Stop server, workers and Kafka, in this order, within 30 s."""
        try:
            await self._supervisor.stop("server", timeout_seconds=SERVER_STOP_SECONDS)
            stops: list[Awaitable[None]] = [
                self._supervisor.stop(name, timeout_seconds=WORKERS_STOP_SECONDS) for name in self._workers
            ]
            await asyncio.gather(*stops)
            await self._supervisor.stop(KAFKA, timeout_seconds=KAFKA_STOP_SECONDS)
        finally:
            await self._close()

    def kill(self) -> None:
        """End every child by force, at once; a stop that is under way then has nothing left to wait for."""
        self._supervisor.kill()

    async def _start(self) -> None:
        options = self._options
        _must_differ({"--port": options.port, "--tls-port": options.tls_port, "--kafka-port": options.own_kafka_port})
        self._take_directory()
        for flag, port in (("--port", options.port), ("--tls-port", options.tls_port)):
            if port and (why := await wait_until_free(port, options.host, seconds=PORT_PATIENCE_SECONDS)):
                raise SettingsError(
                    f"the server cannot listen on {options.host}:{port}: {why}", hint=f"Give another {flag}."
                )
        if options.bootstrap_servers is None:
            await self._start_kafka()
        else:
            await _must_answer(options.bootstrap_servers)
        server, workers = self._specs(
            options,
            bootstrap_servers=self.bootstrap_servers,
            metrics_ports=self._ports.take(options.metrics_port, options.workers),
            instance=os.environ.get("ROUTER_INSTANCE") or instance_name(options.data_dir),
            environment=os.environ,
        )
        needs = None if self.kafka is None else KAFKA
        for spec in (server, *workers):
            await self._supervisor.start(
                spec.name, Program(spec, options.log_dir / f"{spec.name}.log"), needs=needs
            )  # fmt: skip
        self._workers = [spec.name for spec in workers]

    def _take_directory(self) -> None:
        directory = self._options.data_dir
        try:
            taken = self._lock.acquire()
        except OSError as error:
            raise SettingsError(
                f"cannot write to the data directory {directory}: {error.strerror}", hint="Give another --data-dir."
            ) from error
        if not taken:
            raise SettingsError(
                f"{directory} is in use by another `router up` (process {self._lock.holder() or 'unknown'})",
                hint="Stop that one, or give another --data-dir.",
            )

    async def _start_kafka(self) -> None:
        options = self._options
        self.kafka = EmbeddedKafka(
            EmbeddedKafkaOptions(
                data_dir=options.data_dir / "kafka",
                port=options.kafka_port,
                log_path=options.log_dir / "kafka.log",
                repository=options.maven_repository,
                report=self._report,
            )
        )
        await self._supervisor.start(KAFKA, self.kafka)
        self.bootstrap_servers = self.kafka.bootstrap_servers

    async def _close(self) -> None:
        await self._supervisor.close()
        self._ports.release()
        self._lock.release()


def _must_differ(ports: Mapping[str, int | None]) -> None:
    """Raise SettingsError when two flags name one port, which is free until the first of them has it; 0 is any."""
    seen: dict[int, str] = {}
    for flag, port in ports.items():
        if port and (other := seen.setdefault(port, flag)) != flag:
            raise SettingsError(f"{other} and {flag} are both {port}", hint=f"Give another {flag}.")


async def _must_answer(bootstrap_servers: str) -> None:
    """Raise KafkaUnavailableError when no broker answers."""
    from router.kafka.admin import admin_client  # noqa: PLC0415 (heavy, and the embedded Kafka needs no such question)

    # The error says it in words; without any handler the client's own lines would go to the terminal as well.
    logging.getLogger("aiokafka").addHandler(logging.NullHandler())
    try:
        async with admin_client(bootstrap_servers):
            pass
    except KafkaUnavailableError as error:
        raise KafkaUnavailableError(
            error.message, hint="Check --bootstrap-servers, or leave it out: then an embedded Kafka is started."
        ) from error


def _last_words(lines: list[str]) -> str:
    said = [line.strip() for line in lines if line.strip()]
    return said[-1] if said else "it said nothing"
