"""The embedded Kafka: a broker of one node, as a child process that never outlives its parent."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from router.errors import EmbeddedKafkaError
from router.kafka.embedded.configuration import kafka_command, properties_text, server_properties
from router.kafka.embedded.guard import guarded
from router.kafka.embedded.jars import Report, cache_directory, install_jars
from router.kafka.embedded.java import Java, find_java
from router.kafka.embedded.ports import LOOPBACK, free_port, why_not_free
from router.kafka.embedded.probe import is_serving
from router.kafka.embedded.storage import check_directory, format_once, log_directory

START_SECONDS: Final = 90.0
STOP_SECONDS: Final = 12.0
PORT_PATIENCE_SECONDS: Final = 3.0
POLL_SECONDS: Final = 0.05
SHOWN_LINES: Final = 8

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EmbeddedKafkaOptions:
    """Where the broker keeps its data and its log, and where its jars come from."""

    data_dir: Path
    port: int = 9092
    log_path: Path | None = None
    cache_dir: Path = field(default_factory=cache_directory)
    repository: str | None = None
    report: Report = lambda _: None


class EmbeddedKafka:
    """Starts and stops the broker; `port` 0 takes a free one, and keeps it over restarts of this object's broker."""

    def __init__(self, options: EmbeddedKafkaOptions) -> None:
        self._options = options
        self.port = options.port or free_port()
        self.log_path = options.log_path or options.data_dir / "kafka.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def bootstrap_servers(self) -> str:
        """Return the address for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def is_running(self) -> bool:
        """Whether the process lives; the operating system is asked."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int | None:
        """Return the process id of the newest process, dead or alive."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Return how the newest process ended, or None while it lives."""
        return None if self._process is None else self._process.poll()

    async def start(self) -> None:
        """Start the broker and return once it serves: 3 s, and about 10 s more where its jars must be fetched.

        Raises:
            EmbeddedKafkaError: it cannot be fetched or started; the message says why and the hint what to do.
        """
        if self.is_running:
            return
        check_directory(self._options.data_dir)
        await self._wait_for_port()
        command = await in_thread(self._prepare)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("ab") as log:
            begin = log.tell()
            # A group of its own: Ctrl-C in a terminal is for the parent, which stops Kafka last.
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 (it does not wait; our own command line)
                guarded(command), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        try:
            await self._wait_until_serving(begin)
        except BaseException:
            self.kill()
            raise

    async def stop(self, *, timeout_seconds: float = STOP_SECONDS) -> None:
        """Ask the broker to end, and end it by force after `timeout_seconds`."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        end = time.monotonic() + timeout_seconds
        while self.is_running and time.monotonic() < end:
            await asyncio.sleep(POLL_SECONDS)
        self.kill()

    def kill(self) -> None:
        """End the broker by force, at once; its data survives that."""
        if self._process is not None:
            self._signal(signal.SIGTERM if sys.platform == "win32" else signal.SIGKILL)
            self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        with suppress(ProcessLookupError):
            if sys.platform == "win32":
                self._process.send_signal(number)
            else:
                os.killpg(self._process.pid, number)

    def _prepare(self) -> list[str]:
        """Do what takes long: jars, format; return the command line."""
        options = self._options
        java = find_java()
        jars = install_jars(options.cache_dir, repository=options.repository, report=options.report)
        format_once(options.data_dir, java, jars)
        return self._command(java, jars)

    def _command(self, java: Java, jars: Sequence[Path]) -> list[str]:
        properties = self._options.data_dir / "server.properties"
        text = properties_text(
            server_properties(
                log_directory(self._options.data_dir).absolute(), self.port, free_port(apart_from=self.port)
            )
        )
        try:
            properties.write_text(text)
        except OSError as error:
            raise EmbeddedKafkaError(f"cannot write {properties}: {error.strerror}") from error
        return kafka_command(java, jars, os.pathsep, properties)

    async def _wait_for_port(self) -> None:
        """Give a Kafka that was just killed, or the system, the time to let go of the port."""
        end = time.monotonic() + PORT_PATIENCE_SECONDS
        while (why := why_not_free(self.port)) is not None:
            if time.monotonic() > end or "taken" not in why:
                raise EmbeddedKafkaError(
                    f"Kafka cannot listen on {self.bootstrap_servers}: {why}",
                    hint="Give another --kafka-port, or use that Kafka with --bootstrap-servers.",
                )
            await asyncio.sleep(POLL_SECONDS)

    async def _wait_until_serving(self, log_begin: int) -> None:
        end = time.monotonic() + START_SECONDS
        while not await is_serving(LOOPBACK, self.port):
            if not self.is_running:
                raise EmbeddedKafkaError(
                    f"Kafka ended while it started (exit code {self.exit_code}): {cause(self._log_since(log_begin))}",
                    hint=f"Its log is {self.log_path}",
                )
            if time.monotonic() > end:
                raise EmbeddedKafkaError(
                    f"Kafka does not serve after {START_SECONDS:.0f} s", hint=f"Its log is {self.log_path}"
                )
            await asyncio.sleep(POLL_SECONDS)
        # Somebody else may have been quicker with the port, and be the one who answered.
        if not self.is_running:
            await self._wait_until_serving(log_begin)

    def _log_since(self, begin: int) -> list[str]:
        with self.log_path.open("rb") as log:
            log.seek(begin)
            return log.read().decode(errors="replace").splitlines()


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

    def deliver(set_it: Callable[[], None]) -> None:
        # Nobody waits any more once the caller was cancelled or its loop is closed.
        with suppress(RuntimeError, asyncio.InvalidStateError):
            loop.call_soon_threadsafe(lambda: None if done.done() else set_it())

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 (handed to the one who waits)
            deliver(lambda error=error: done.set_exception(error))  # type: ignore[misc]
        else:
            deliver(lambda: done.set_result(result))

    threading.Thread(target=run, name="embedded-kafka", daemon=True).start()
    return await done
