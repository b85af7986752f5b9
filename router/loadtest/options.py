"""What a load test is asked to do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SinkKind = Literal["topic", "webhook"]
Way = Literal["kafka", "http"]


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """`rate` is events a second, 0 as fast as possible; `matching` the share of events that the subscriptions want."""

    events: int = 10_000
    rate: float = 1_000.0
    subscriptions: int = 1
    sink: SinkKind = "topic"
    matching: float = 1.0
    publish: Way = "http"
    events_file: Path | None = None
    pause_worker_seconds: float = 0.0
    verify_seconds: float = 60.0
    keep: bool = False
