"""The steps of getting ready, each told with the time it took."""

import time

from rich.console import Console
from rich.status import Status
from rich.text import Text


class Stopwatch:
    """Seconds since its start; 0 before."""

    def __init__(self) -> None:
        self._started: float | None = None

    def start(self) -> None:
        """Begin to count."""
        self._started = time.monotonic()

    def seconds(self) -> float:
        """Return the seconds since the start."""
        return 0.0 if self._started is None else time.monotonic() - self._started


class Steps:
    """Tells one step at a time: a spinner on a terminal, the beginning of a line elsewhere, then how long it took."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._name: str | None = None
        self._status: Status | None = None
        self._watch = Stopwatch()

    def begin(self, name: str) -> None:
        """Tell a step; the one before it has ended."""
        self.end()
        self._name = name
        self._watch.start()
        if self._console.is_terminal:
            self._status = self._console.status(Text(f"{name} …"))
            self._status.start()
        else:
            self._console.print(Text(f"- {name} … "), end="", soft_wrap=True)

    def remark(self, text: str) -> None:
        """Tell something beside the steps."""
        self._console.print(Text(text, style="dim"), soft_wrap=True)

    def end(self) -> None:
        """Tell how long the step took; nothing when there is none."""
        if self._name is None:
            return
        took = f"{self._watch.seconds():.1f} s"
        if self._status is not None:
            self._status.stop()
            self._console.print(Text.assemble(("✓ ", "green"), self._name, (f"  {took}", "dim")), soft_wrap=True)
        else:
            self._console.print(Text(took), soft_wrap=True)
        self._name = self._status = None
