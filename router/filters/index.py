"""The index: which targets want an event. Adding and removing are incremental; readers hold an immutable snapshot."""

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from router.filters.clauses import Clause
from router.filters.conditions import Condition
from router.filters.envelopes import Event, slot_of
from router.filters.filing import Writer
from router.filters.matching import AtOnce, Matcher
from router.filters.nodes import Entry, Node
from router.filters.paths import FIRST_SLOT, Paths
from router.filters.reading import Reader
from router.filters.requirements import Requirements
from topics.events import EventSchema

Target = TypeVar("Target", bound=Hashable)

_MOST_FORGOTTEN: Final = 64
_number = attrgetter("number")


class Snapshot(Generic[Target]):
    """An index as it was at one moment."""

    def __init__(self, root: Node, reader: Reader, *, needs_body: bool) -> None:
        self.needs_body = needs_body
        """Whether some target looks at more of an event than its type and subject."""
        self._matcher = Matcher(reader, root)

    @property
    def match_one(self) -> Callable[..., Sequence[Target]]:
        """Returns the targets that want an event, each at most once; takes what `match` takes, of one event.

        Nobody may change what is returned: other events get the same.
        """
        return self._matcher.match if self.needs_body else self._matcher.match_envelope

    def match(self, envelopes: Sequence[Event], bodies: Sequence[bytes | None] | None = None) -> list[Sequence[Target]]:
        """Return, for each event, the targets that want it; each at most once, in no particular order.

        `bodies` has the events as JSON, structured if they are CloudEvents; needed only if `needs_body`.
        """
        return list(map(self.match_one, envelopes, bodies or [None] * len(envelopes)))

    def at_once(self, schema: EventSchema) -> AtOnce:
        """Return what reads an event of a schema as an envelope, and what matches that: so it is decoded only once.

        What reads raises one of `REFUSALS` at what it does not know, and what matches returns None: then the envelope
        must be read otherwise. Both are None while such events must be.
        """
        return self._matcher.at_once(schema) if self.needs_body else (None, None)


class Index(Generic[Target]):
    """The clauses of every target by key, filed so that an event meets few of those that do not want it."""

    def __init__(self) -> None:
        self._entries: dict[Hashable, Entry] = {}
        self._requirements = Requirements()
        self._paths = Paths()
        self._reader = Reader(self._paths)
        # How many conditions look at a slot.
        self._looks: Counter[int] = Counter()
        self._epoch = object()
        self._root = Node(self._epoch)
        self._writer = Writer(self._requirements, self._epoch)
        # Until the first snapshot entries wait here: filed with all others known, they are filed better.
        self._waiting: dict[Hashable, Entry] | None = {}
        self._snapshot: Snapshot[Target] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, key: Hashable, clauses: Sequence[Clause], target: Target) -> None:
        """File a target under its clauses, in place of what the key had before."""
        self.remove(key)
        requirements: dict[Any, None] = {}
        for clause in clauses:
            requirement = self._requirements.take(slot_of(clause, self._paths), Condition(clause))
            if requirement in requirements:
                self._requirements.give_back(requirement)
                continue
            requirements[requirement] = None
            self._looks[requirement.slot] += 1
        entry = self._entries[key] = Entry(key, target, tuple(sorted(requirements, key=_number)))
        if self._waiting is not None:
            self._waiting[key] = entry
        elif entry.can_match:
            self._writer.file(self._own_root(), entry)
        self._snapshot = None

    def remove(self, key: Hashable) -> None:
        """Forget what the key had."""
        entry = self._entries.pop(key, None)
        if entry is None:
            return
        if self._waiting is None:
            self._writer.take_out(self._own_root(), entry)
        else:
            del self._waiting[key]
        for requirement in entry.requirements:
            self._requirements.give_back(requirement)
            self._looks[requirement.slot] -= 1
            if not self._looks[requirement.slot]:
                del self._looks[requirement.slot]
        if len(self._paths.keys) > _MOST_FORGOTTEN + 2 * len(self._looks):
            self._forget_keys()
        self._snapshot = None

    def snapshot(self) -> Snapshot[Target]:
        """Return the index as it is now; later changes do not reach it."""
        if self._snapshot is None:
            for entry in (self._waiting or {}).values():
                if entry.can_match:
                    self._writer.file(self._root, entry)
            self._waiting = None
            self._snapshot = Snapshot(
                self._root, self._reader, needs_body=any(slot >= FIRST_SLOT for slot in self._looks)
            )
            # From here on the writer copies what the snapshot holds.
            self._epoch = object()
            self._writer = Writer(self._requirements, self._epoch)
        return self._snapshot

    def _forget_keys(self) -> None:
        """Drop the keys that nobody looks at any more; older snapshots keep them."""
        self._paths = self._paths.only(self._looks)
        self._reader = Reader(self._paths)

    def _own_root(self) -> Node:
        self._root = self._writer.own(self._root)
        return self._root
