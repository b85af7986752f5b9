"""What a load test is asked to do, and what it says while it does it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SinkKind = Literal["topic", "webhook"]
WayIn = Literal["kafka", "http"]
Phase = Literal["preparing", "publishing", "verifying", "cleaning up"]


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """`rate` is events a second, 0 as fast as possible; `matching` the share of events that the subscriptions want."""

    events: int = 10_000
    rate: float = 1_000.0
    subscriptions: int = 1
    sink: SinkKind = "topic"
    matching: float = 1.0
    publish: WayIn = "http"
    events_file: Path | None = None
    pause_worker_seconds: float = 0.0
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a test is; `p99_ms` is None as long as nothing has come."""

    phase: Phase
    published: int
    events: int
    received: int
    expected: int
    p99_ms: float | None


Tell = Callable[[Progress], None]
"""Shows the progress to a person."""
