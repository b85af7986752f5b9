"""The board: for each subscription and event, what has been seen so far; pure, filled by observations."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Literal

from router.demo.plan import Wish, short_type
from router.demo.samples import Sample

State = Literal["filtered out", "waiting", "delivered", "retrying", "dead-lettered"]


@dataclass(frozen=True, slots=True)
class Written:
    """The event stands on the subscription's topic, in a committed transaction."""

    subscription: str
    event_id: str


@dataclass(frozen=True, slots=True)
class Called:
    """The webhook was called with the event, and answered so."""

    subscription: str
    event_id: str
    status: int


@dataclass(frozen=True, slots=True)
class Attempted:
    """A record of router.attempts: the router's own account of a call."""

    subscription: str
    event_id: str
    attempt: int
    outcome: str
    status: int | None


@dataclass(frozen=True, slots=True)
class Postponed:
    """A record of a retry topic: the event is tried again when it is due."""

    subscription: str
    event_id: str
    due: datetime


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A record of router.dead-letters."""

    subscription: str
    event_id: str
    reason: str
    attempts: int


Observation = Written | Called | Attempted | Postponed | GivenUp


@dataclass(slots=True)
class Cell:
    """What one subscription has of one event; `why_not` is the condition that keeps it out, None that it is wanted."""

    wish: Wish
    sample: Sample
    why_not: str | None
    written: int = 0
    answers: list[int] = field(default_factory=list)
    attempts: dict[int, Attempted] = field(default_factory=dict)
    due: datetime | None = None
    given_up: GivenUp | None = None
    seconds: float | None = None

    @property
    def state(self) -> State:
        """How far it is."""
        if self.given_up is not None:
            return "dead-lettered"
        if self.written or any(status < HTTPStatus.BAD_REQUEST for status in self.answers):
            return "delivered"
        if self.attempts or self.answers:
            return "retrying"
        return "waiting" if self.why_not is None else "filtered out"

    @property
    def is_final(self) -> bool:
        """Whether it is what it must become, the router's own account of it included."""
        if self.why_not is not None:
            return self.state == "filtered out"
        if self.wish.topic is not None:
            return self.written == 1
        if self.wish.is_broken:
            return self.given_up is not None and len(self.attempts) >= (self.wish.max_delivery_attempts or 1)
        return self.state == "delivered" and bool(self.attempts)

    @property
    def complaint(self) -> str | None:
        """Say what is wrong if nothing more happens; None when nothing is."""
        if self.is_final:
            return None
        what = f"{short_type(self.sample.envelope.type)} {self.sample.envelope.subject}"
        if self.why_not is not None:
            return f"{self.wish.name} got {what}, although {self.why_not}"
        if self.written > 1:
            return f"{self.wish.name} got {what} {self.written} times"
        return f"{self.wish.name} misses {what}: it is {self.state}"


class Board:
    """All cells, by subscription and event id."""

    def __init__(self, wishes: Sequence[Wish], samples: Sequence[Sample]) -> None:
        self.wishes = tuple(wishes)
        self.samples = tuple(samples)
        self._cells = {
            (wish.name, sample.id): Cell(wish, sample, wish.why_not(sample.envelope))
            for wish in wishes
            for sample in samples
        }

    def cell(self, wish: Wish, sample: Sample) -> Cell:
        """Return what a subscription has of an event."""
        return self._cells[wish.name, sample.id]

    def cells_of(self, wish: Wish) -> list[Cell]:
        """Return a subscription's cells, in the order of the events."""
        return [self.cell(wish, sample) for sample in self.samples]

    def apply(self, observation: Observation, seconds: float) -> Cell | None:
        """Take in what was seen, `seconds` after publishing; return its cell, None for what is not of this demo."""
        cell = self._cells.get((observation.subscription, observation.event_id))
        if cell is None:
            return None
        if cell.seconds is None:
            cell.seconds = seconds
        match observation:
            case Written():
                cell.written += 1
            case Called(status=status):
                cell.answers.append(status)
            case Attempted(attempt=attempt):
                cell.attempts[attempt] = observation
            case Postponed(due=due):
                cell.due = due
            case GivenUp():
                cell.given_up = observation
        return cell

    @property
    def is_complete(self) -> bool:
        """Whether everything that must be seen has been seen, and nothing else."""
        return all(cell.is_final for cell in self._cells.values())

    @property
    def complaints(self) -> list[str]:
        """Say what is missing or should not be there."""
        return [complaint for cell in self._cells.values() if (complaint := cell.complaint) is not None]
