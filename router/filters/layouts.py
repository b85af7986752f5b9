"""Layouts: which names the objects of events have, as far as keys of filters lead there; learned from the events."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from router.filters.envelopes import ATTRIBUTES
from router.filters.paths import Members, Paths, Step, alias_steps, parts_of
from topics.events import EventSchema

Place = tuple[str, ...]
"""Where in an event: the names on the way."""

MOST_NAMES: Final = 64
_MOST_PLACES: Final = 48
_LONGEST_NAME: Final = 64
_BEYOND_JSON: Final = frozenset(map(chr, range(32))) | {'"', "\\"}


@dataclass(slots=True)
class Names:
    """The names that an object at one place has had, and whether something else than an object has stood there."""

    names: dict[str, None] = field(default_factory=dict)
    may_be_other: bool = False


class Layout:
    """What is known of one schema's events. An event with a name that is not known here has to be walked."""

    def __init__(self, schema: EventSchema) -> None:
        self.schema = schema
        self.places: dict[Place, Names] = {(): Names(dict.fromkeys(ATTRIBUTES[schema]))}

    def learn(self, event: Members, paths: Paths) -> bool:
        """Take in the names of an event where keys lead; say whether there was something new."""
        is_new = False
        waiting: list[tuple[Place, Any, list[Step]]] = [((), event, [paths.root])]
        while waiting:
            place, value, steps = waiting.pop()
            known = self.places.get(place)
            if known is None:
                if len(self.places) >= _MOST_PLACES:
                    continue
                known = self.places[place] = Names()
                is_new = True
            if value.__class__ is not dict:
                is_new |= not known.may_be_other
                known.may_be_other = True
                continue
            is_new |= self._learn_names(known, value)
            for name in known.names:
                following = [step for step in self.steps_at(place, name, steps) if step.next]
                if following and value.get(name) is not None:
                    waiting.append(((*place, name), value[name], following))
        return is_new

    def steps_at(self, place: Place, name: str, steps: Sequence[Step]) -> list[Step]:
        """Return the steps that a name at a place leads to; at the root also those that are another name for it."""
        found = list(steps)
        for part in parts_of(name):
            found = [after for step in found for after in step.next.get(part, ())]
        return found if place else [*found, *alias_steps(steps[0], name, self.schema)]

    def _learn_names(self, known: Names, members: Members) -> bool:
        before = len(known.names)
        for name in members:
            if len(known.names) >= MOST_NAMES:
                break
            if len(name) <= _LONGEST_NAME and _BEYOND_JSON.isdisjoint(name) and _is_unicode(name):
                known.names[name] = None
        return len(known.names) > before


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
