"""What is supervised: anything that starts, ends and can be stopped."""

from pathlib import Path
from typing import Protocol

from router.kafka.embedded.process import ChildProcess
from router.up.programs import ProgramSpec


class Part(Protocol):
    """A child process as the supervisor sees it; the embedded Kafka is one too."""

    @property
    def log_path(self) -> Path:
        """Where its output goes."""
        ...

    @property
    def exit_code(self) -> int | None:
        """How it ended (negative: by which signal), or None while it lives."""
        ...

    async def start(self) -> None:
        """Start it; raises RouterError when that fails."""
        ...

    async def wait(self) -> None:
        """Return once it has ended."""
        ...

    async def stop(self, *, timeout_seconds: float) -> bool:
        """Ask it to end, then end it by force; return whether asking was enough."""
        ...

    def kill(self) -> None:
        """End it by force, at once."""
        ...


class Program:
    """A child that runs a command line; it counts as started once the process exists."""

    def __init__(self, spec: ProgramSpec, log_path: Path) -> None:
        self._spec = spec
        self._process: ChildProcess | None = None
        self.log_path = log_path

    @property
    def pid(self) -> int | None:
        """Return the process id of the newest process."""
        return None if self._process is None else self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Return how the newest process ended, or None while it lives."""
        return None if self._process is None else self._process.exit_code

    async def start(self) -> None:
        """Start the process, unless it lives."""
        if self._process is None or not self._process.is_running:
            self._process = ChildProcess(self._spec.command, self.log_path, self._spec.environment)

    async def wait(self) -> None:
        """Return once the process has ended."""
        if self._process is not None:
            await self._process.wait()

    async def stop(self, *, timeout_seconds: float) -> bool:
        """Ask the process to end, and end it by force after `timeout_seconds`."""
        return self._process is None or await self._process.stop(timeout_seconds=timeout_seconds)

    def kill(self) -> None:
        """End the process by force."""
        if self._process is not None:
            self._process.kill()
