"""The index: which targets want an event. Adding and removing are incremental; readers hold an immutable snapshot."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from router.filters.clauses import EVENT_TYPE_IN, SUBJECT_BEGINS_WITH, SUBJECT_ENDS_WITH, Clause
from router.filters.letters import fold

Target = TypeVar("Target")
_ANY_TYPE = ""
_REMEMBERED_TYPES = 1024


class Event(Protocol):
    """What the index looks at."""

    @property
    def type(self) -> str:
        """The event's type."""
        ...

    @property
    def subject(self) -> str | None:
        """The event's subject; none counts as empty."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry(Generic[Target]):
    begins: str
    ends: str
    case_sensitive: bool
    target: Target

    def accepts(self, subject: str, folded: str) -> bool:
        seen = subject if self.case_sensitive else folded
        return seen.startswith(self.begins) and seen.endswith(self.ends)


_Entries = tuple[_Entry[Target], ...]


class Snapshot(Generic[Target]):
    """An index as it was at one moment."""

    def __init__(self, by_type: dict[str, _Entries[Target]]) -> None:
        self._by_type = by_type
        self._any = by_type.get(_ANY_TYPE, ())
        self._remembered: dict[str, _Entries[Target]] = {}

    def match(self, events: Sequence[Event]) -> list[list[Target]]:
        """Return, for each event, the targets that want it; each at most once."""
        remembered = self._remembered
        found: list[list[Target]] = []
        for event in events:
            entries = remembered.get(event.type)
            if entries is None:
                entries = self._remember(event.type)
            if not entries:
                found.append([])
                continue
            subject = event.subject or ""
            folded = fold(subject)
            found.append([entry.target for entry in entries if entry.accepts(subject, folded)])
        return found

    def _remember(self, event_type: str) -> _Entries[Target]:
        entries = (*self._any, *self._by_type.get(fold(event_type), ()))
        if len(self._remembered) >= _REMEMBERED_TYPES:
            self._remembered.clear()
        self._remembered[event_type] = entries
        return entries


class Index(Generic[Target]):
    """The clauses of every target by key, filed by event type."""

    def __init__(self) -> None:
        self._filed: dict[Hashable, tuple[tuple[str, ...], _Entry[Target]]] = {}
        self._by_type: dict[str, dict[Hashable, _Entry[Target]]] = {}
        self._snapshot: Snapshot[Target] | None = None

    def __len__(self) -> int:
        return len(self._filed)

    def add(self, key: Hashable, clauses: Sequence[Clause], target: Target) -> None:
        """File a target under its clauses, in place of what the key had before.

        Raises:
            ValueError: a clause has an operator that the index does not know.
        """
        self.remove(key)
        types, entry = _compile(clauses, target)
        self._filed[key] = types, entry
        for event_type in types:
            self._by_type.setdefault(event_type, {})[key] = entry
        self._snapshot = None

    def remove(self, key: Hashable) -> None:
        """Forget what the key had."""
        types, _ = self._filed.pop(key, ((), None))
        for event_type in types:
            del self._by_type[event_type][key]
            if not self._by_type[event_type]:
                del self._by_type[event_type]
        self._snapshot = None

    def snapshot(self) -> Snapshot[Target]:
        """Return the index as it is now; later changes do not reach it."""
        if self._snapshot is None:
            self._snapshot = Snapshot({name: tuple(entries.values()) for name, entries in self._by_type.items()})
        return self._snapshot


def _compile(clauses: Sequence[Clause], target: Target) -> tuple[tuple[str, ...], _Entry[Target]]:
    types: tuple[str, ...] = (_ANY_TYPE,)
    begins = ends = ""
    case_sensitive = False
    for clause in clauses:
        if clause.operator == EVENT_TYPE_IN and isinstance(clause.expected, tuple):
            types = tuple(dict.fromkeys(fold(str(name)) for name in clause.expected))
            continue
        text = str(clause.expected) if clause.case_sensitive else fold(str(clause.expected))
        case_sensitive = clause.case_sensitive
        if clause.operator == SUBJECT_BEGINS_WITH:
            begins = text
        elif clause.operator == SUBJECT_ENDS_WITH:
            ends = text
        else:
            raise ValueError(f"unknown operator {clause.operator}")
    return types, _Entry(begins, ends, case_sensitive, target)
