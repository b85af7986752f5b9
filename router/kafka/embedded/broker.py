"""The embedded Kafka: a broker of one node, as a child process that never outlives its parent."""

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from router.errors import EmbeddedKafkaError
from router.kafka.embedded.class_archive import ClassArchive
from router.kafka.embedded.configuration import (
    LATE_OPTIMISATION,
    QUICK_START,
    fencing_properties,
    kafka_command,
    properties_text,
    server_properties,
)
from router.kafka.embedded.jars import Report, cache_directory, install_jars
from router.kafka.embedded.java import Java, find_java
from router.kafka.embedded.ports import LOOPBACK, free_port, wait_until_free
from router.kafka.embedded.probe import is_serving
from router.kafka.embedded.process import POLL_SECONDS, ChildProcess, LogTail
from router.kafka.embedded.recovery import fence_dead_broker, was_killed
from router.kafka.embedded.storage import check_directory, format_once, log_directory

START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 12.0
PORT_PATIENCE_SECONDS: Final = 2.0
"""A Kafka that was just killed lets go of its port a moment later."""
PORT_TRIES: Final = 3
_PORT_TAKEN: Final = "BindException"
SHOWN_LINES: Final = 8

T = TypeVar("T")


class PortTakenError(EmbeddedKafkaError):
    """Somebody else was quicker with one of Kafka's ports."""


@dataclass(frozen=True, slots=True)
class EmbeddedKafkaOptions:
    """Where the broker keeps its data and its log, and where its jars come from; port 0 takes a free one."""

    data_dir: Path
    port: int = 9092
    log_path: Path | None = None
    cache_dir: Path = field(default_factory=cache_directory)
    repository: str | None = None
    short_lived: bool = False
    """For tests: starts with half of the work, and is slower under load."""
    report: Report = lambda _: None


class EmbeddedKafka:
    """Starts and stops the broker; its port stays the same over restarts."""

    def __init__(self, options: EmbeddedKafkaOptions) -> None:
        self._options = options
        self.port = options.port or free_port()
        self.log_path = options.log_path or options.data_dir / "kafka.log"
        self._process: ChildProcess | None = None
        self._has_served = False
        self._archiving: asyncio.Task[None] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Return the address for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.is_running

    @property
    def pid(self) -> int | None:
        """Return the process id of the newest process, dead or alive."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Return how the newest process ended, or None while it lives."""
        return None if self._process is None else self._process.exit_code

    async def start(self) -> None:
        """Start the broker and return once it serves: 3 s, and about 10 s more where its jars must be fetched.

        Raises:
            EmbeddedKafkaError: it cannot be fetched or started; the message says why and the hint what to do.
        """
        if self.is_running:
            return
        check_directory(self._options.data_dir)
        if why := await wait_until_free(self.port, seconds=PORT_PATIENCE_SECONDS):
            raise EmbeddedKafkaError(
                f"Kafka cannot listen on {self.bootstrap_servers}: {why}",
                hint="Give another --kafka-port, or use that Kafka with --bootstrap-servers.",
            )
        java, jars = await in_thread(self._java_and_jars)
        await format_once(self._options.data_dir, java, jars, self.log_path)
        archive = ClassArchive(self._options.cache_dir, java, jars)
        if was_killed(self._options.data_dir):
            command = self._fencing_command(java, jars, archive)
            await fence_dead_broker(command, self._options.data_dir, self.log_path)
        await self._serve_somewhere(java, jars, archive)
        if not (archive.is_decided or self._options.short_lived or self._archiving):
            self._archiving = asyncio.create_task(archive.make(self._class_list, self.log_path), name="archive classes")

    async def wait(self) -> None:
        """Return once the process has ended; at once when there is none."""
        if self._process is not None:
            await self._process.wait()

    async def stop(self, *, timeout_seconds: float = STOP_SECONDS) -> bool:
        """Ask the broker to end, and end it by force after `timeout_seconds`; return whether asking was enough."""
        self._archive_no_more()
        return self._process is None or await self._process.stop(timeout_seconds=timeout_seconds)

    def kill(self) -> None:
        """End the broker by force, at once; its data survives that."""
        self._archive_no_more()
        if self._process is not None:
            self._process.kill()

    def _java_and_jars(self) -> tuple[Java, list[Path]]:
        options = self._options
        return find_java(), install_jars(options.cache_dir, repository=options.repository, report=options.report)

    async def _serve_somewhere(self, java: Java, jars: Sequence[Path], archive: ClassArchive) -> None:
        """Serve; a port that was free may be taken by the time that Kafka wants it, and then others are tried."""
        for tries_left in reversed(range(PORT_TRIES)):
            try:
                await self._serve(self._command(java, jars, archive))
            except PortTakenError:
                if not tries_left:
                    raise
                if not (self._options.port or self._has_served):
                    self.port = free_port()
            else:
                self._has_served = True
                return

    async def _serve(self, command: Sequence[str]) -> None:
        said = LogTail(self.log_path)
        process = self._process = ChildProcess(command, self.log_path)
        try:
            await self._wait_until_serving(process, said)
        except BaseException:
            process.kill()
            raise

    def _archive_no_more(self) -> None:
        if self._archiving is not None:
            self._archiving.cancel()

    def _command(self, java: Java, jars: Sequence[Path], archive: ClassArchive) -> list[str]:
        properties = server_properties(self._logs, self.port, free_port(apart_from=self.port))
        path = self._written("server.properties", properties)
        if self._options.short_lived:
            flags = [*QUICK_START, *archive.flags(None)]
        else:
            flags = [*LATE_OPTIMISATION, *archive.flags(self._class_list)]
        return kafka_command(java, jars, os.pathsep, path, flags)

    def _fencing_command(self, java: Java, jars: Sequence[Path], archive: ClassArchive) -> list[str]:
        path = self._written("fencing.properties", fencing_properties(self._logs, free_port(apart_from=self.port)))
        return kafka_command(java, jars, os.pathsep, path, [*QUICK_START, *archive.flags(None)])

    @property
    def _class_list(self) -> Path:
        return self._options.data_dir / "classes.list"

    @property
    def _logs(self) -> Path:
        return log_directory(self._options.data_dir).absolute()

    def _written(self, name: str, properties: Mapping[str, str]) -> Path:
        path = self._options.data_dir / name
        try:
            path.write_text(properties_text(properties))
        except OSError as error:
            raise EmbeddedKafkaError(f"cannot write {path}: {error.strerror}") from error
        return path

    async def _wait_until_serving(self, process: ChildProcess, said: LogTail) -> None:
        end = time.monotonic() + START_SECONDS
        # Asked in this order: somebody else may have been quicker with the port, and be the one who answers.
        while not (await is_serving(LOOPBACK, self.port) and process.is_running):
            if not process.is_running:
                why = cause(said.read().splitlines())
                raise (PortTakenError if _PORT_TAKEN in why else EmbeddedKafkaError)(
                    f"Kafka ended while it started (exit code {process.exit_code}): {why}",
                    hint=f"Its log is {self.log_path}",
                )
            if time.monotonic() > end:
                raise EmbeddedKafkaError(
                    f"Kafka does not serve after {START_SECONDS:.0f} s", hint=f"Its log is {self.log_path}"
                )
            await asyncio.sleep(POLL_SECONDS)


def cause(lines: Sequence[str]) -> str:
    """Return the line of a log that most likely says why the JVM ended, else its last lines."""
    wrong = [line.strip() for line in lines if "Caused by:" in line or "Exception:" in line or "Error:" in line]
    if wrong:
        return wrong[-1]
    return " | ".join(line.strip() for line in lines[-SHOWN_LINES:] if line.strip()) or "it said nothing"


async def in_thread(work: Callable[[], T]) -> T:
    """Run in a thread that does not keep the program from ending: Ctrl-C must not wait for a download."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def settle(outcome: Callable[[], None]) -> None:
        # The one who waited may have been cancelled.
        if not done.done():
            outcome()

    def run() -> None:
        try:
            outcome = partial(done.set_result, work())
        except Exception as error:  # noqa: BLE001 (handed to the one who waits)
            outcome = partial(done.set_exception, error)
        # The loop may be closed by now.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(settle, outcome)

    threading.Thread(target=run, name="embedded-kafka", daemon=True).start()
    return await done
