"""AWS event-ruler in a Java process of its own: built by Maven when first needed, spoken to over a pipe."""

import subprocess
from pathlib import Path
from typing import Final, Self

from benchmarks import maven

PROJECT: Final = Path(__file__).parent / "event_ruler"
# One core each: the collector shares the thread that matches.
JAVA: Final = ("java", "-Xms2g", "-Xmx6g", "-XX:+UseSerialGC")


def why_not() -> str | None:
    """Build the Java project unless that is done; return why event-ruler cannot be run, or None."""
    return maven.why_not(PROJECT)


class EventRuler:
    """event-ruler with a bank loaded; use it as a context. `rules` may be fewer than asked for: loading has a limit."""

    def __init__(self, events: Path, rules: Path, load_seconds: float) -> None:
        arguments = ("-cp", maven.class_path(PROJECT), "EventRuler", str(events), str(rules), str(load_seconds))
        self._process = subprocess.Popen(
            [*JAVA, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        loaded, seconds = self._words()[1:]
        self.rules, self.load_seconds = int(loaded), float(seconds)

    def run(self, seconds: float) -> tuple[int, int, float, float]:
        """Match all events once, or as many as can be in that time; return events, matches, seconds, CPU seconds."""
        self._ask(f"pass {seconds}")
        events, matches, took, cpu = self._words()
        return int(events), int(matches), float(took), float(cpu)

    def ids(self, count: int) -> list[list[int]]:
        """Return the rules that match each of the first events."""
        self._ask(f"ids {count}")
        return [[int(word) for word in self._words()] for _ in range(count)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()

    def _ask(self, request: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(request + "\n")
        self._process.stdin.flush()

    def _words(self) -> list[str]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("event-ruler ended early: it ran out of memory, or its project must be built anew")
        return line.split()
