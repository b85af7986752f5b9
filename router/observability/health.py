"""Health: alive is not ready. Ready means that every check of the process passes."""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

Check = Callable[[], Awaitable[str | None]]
"""Returns None when all is well, else what is wrong in a few words."""


class Readiness(NamedTuple):
    """Whether a process is ready, and what keeps it from being so, by check."""

    ready: bool
    waiting_for: dict[str, str]


class Health:
    """The checks of one process by name; collaborators register theirs."""

    def __init__(self) -> None:
        self._checks: dict[str, Check] = {}

    def register(self, name: str, check: Check) -> None:
        """Add a check that must pass before the process is ready."""
        self._checks[name] = check

    async def readiness(self) -> Readiness:
        """Ask every check."""
        waiting = {}
        for name, check in self._checks.items():
            try:
                problem = await check()
            except Exception as error:  # noqa: BLE001 (a check that breaks is a check that fails)
                problem = f"{type(error).__name__}: {error}"
            if problem is not None:
                waiting[name] = problem
        return Readiness(not waiting, waiting)
