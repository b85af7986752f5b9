"""Projection: a decoder of just those members of an event that filters look at, made for a layout.

It knows every name that an object on the way may have, and refuses others: so what it reads is what a walk through the
event would find (docs/decisions/0013). Whatever it refuses is walked instead.
"""

from collections.abc import Callable, Container, Sequence
from typing import Any, Final

import msgspec

from router.filters.envelopes import ATTRIBUTES
from router.filters.layouts import Layout, Names, Place
from router.filters.letters import fold
from router.filters.paths import ALIASES, SUBJECT_SLOT, TYPE_SLOT, Paths, Step
from router.filters.values import Scalar, Sparse

MOST_KEYS: Final = 64
_SPARSE: Final = 4

_TEXTS: Final = frozenset(
    (name,)
    for name in (
        *("id", "topic", "subject", "eventType", "eventTime", "dataVersion", "metadataVersion"),
        *("source", "type", "time", "specversion"),
    )
)
"""Members that are text in every event that has an envelope."""

_REQUIRED: Final = frozenset({"id", "type", "source"})
"""Attributes that every event has."""

Option = tuple[str, tuple[str, ...]]
"""A name of an object that a key may mean, and what is left of the key behind it."""


class AmbiguousError(ValueError):
    """An event has several names that a key may mean; only a walk shows which comes first."""


class _Object(msgspec.Struct, gc=False):
    """An object that filters see as a whole: nothing in it matters."""


class Projection:
    """A decoder, and the source that turns what it returns (`o0`) into values by slot.

    Names of events and keys of filters stay out of the source: it is made of numbers only, which stand for what is in
    `scope`.
    """

    def __init__(self, layout: Layout, paths: Paths) -> None:
        source = _Source(layout)
        values = source.values(paths)
        structs = _Structs(layout, source.optional)
        self.event = structs.of((), [paths.root])
        """What `decode` returns."""
        self.has_envelope = structs.has_envelope
        """Whether what is decoded can stand for the event's envelope."""
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(self.event).decode
        self.lines = [*source.objects(structs.mixed), *values]
        self.values = _values_source({TYPE_SLOT, SUBJECT_SLOT, *paths.keys.values()}, len(paths))
        """What makes all values by slot of those that the lines have set."""
        self.scope: dict[str, Any] = {"UNSET": msgspec.UNSET, "AmbiguousError": AmbiguousError, "Sparse": Sparse}
        self.scope |= {f"S{source.number_of(place)}": struct for place, struct in structs.made.items()}


def variable_of(slot: int) -> str:
    """Return the name that a slot's value has in the source."""
    return f"v{slot}"


def _values_source(used: Container[int], slots: int) -> str:
    names = {slot: variable_of(slot) for slot in range(slots) if slot in used}
    if slots > _SPARSE * len(names):  # most keys were forgotten
        return f"Sparse({{{', '.join(f'{slot}: {name}' for slot, name in names.items())}}})"
    return f"[{', '.join(names.get(slot, 'None') for slot in range(slots))}]"


def _attribute(layout: Layout, place: Place, name: str, number: int) -> str:
    """Return the attribute of a name at a place: its number, or what envelopes call it."""
    return f"f{number}" if place else ATTRIBUTES[layout.schema].get(name, f"f{number}")


class _Structs:
    """The structs of the objects on the way; a field's number is that of its name at its place."""

    def __init__(self, layout: Layout, optional: set[tuple[Place, str]]) -> None:
        self._layout = layout
        self._optional = optional
        self.made: dict[Place, Any] = {}
        self.mixed: set[Place] = set()
        """Where something else than an object may stand."""
        self.has_envelope = True

    def of(self, place: Place, steps: Sequence[Step]) -> Any:  # noqa: ANN401 (a class made here)
        known = self._layout.places.get(place) or Names()
        fields = []
        for number, name in enumerate(known.names):
            kind, default = self._field(place, name, self._layout.steps_at(place, name, steps))
            attribute = _attribute(self._layout, place, name, number)
            fields.append((attribute, kind, msgspec.field(name=name, default=default)))
        self.made[place] = struct = msgspec.defstruct(
            f"S{len(self.made)}",
            fields,
            namespace=None if place else {"schema": self._layout.schema},
            kw_only=True,
            gc=False,
            forbid_unknown_fields=True,
        )
        return struct

    def _field(self, place: Place, name: str, following: Sequence[Step]) -> tuple[Any, Any]:
        """Return type and default of a field; those of the envelope are what they are in any event that can be read."""
        attribute = None if place else ATTRIBUTES[self._layout.schema].get(name)
        is_optional = (place, name) in self._optional
        if attribute is not None and not is_optional and not any(step.next for step in following):
            return (str, msgspec.NODEFAULT) if attribute in _REQUIRED else (str | None, None)
        if attribute is not None:
            self.has_envelope = False
        return self._type_at((*place, name), following), msgspec.UNSET if is_optional else None

    def _type_at(self, place: Place, steps: Sequence[Step]) -> Any:  # noqa: ANN401 (a type made here)
        is_value = any(step.slot is not None for step in steps)
        if not any(step.next for step in steps):
            if is_value:
                return Scalar | list | _Object
            # What only must be known is not read; a text is read faster than kept raw.
            return str | None if place in _TEXTS else msgspec.Raw
        struct = self.of(place, [step for step in steps if step.next])
        known = self._layout.places.get(place)
        if not is_value and not (known and known.may_be_other):
            return struct | None
        self.mixed.add(place)
        return struct | Scalar | list


class _Source:
    """The source of the function that reads the values."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._numbers = {place: number for number, place in enumerate(layout.places)}
        self.optional: set[tuple[Place, str]] = set()
        """Fields of which must be seen whether they are there at all."""

    def values(self, paths: Paths) -> list[str]:
        """Return the lines that set the value of each key."""
        keys = [(slot, tuple(key.split("."))) for key, slot in paths.keys.items()]
        for slot, names in keys:  # once to see what is optional
            self._value(slot, names)
        return [line for slot, names in keys for line in self._value(slot, names)]

    def objects(self, mixed: set[Place]) -> list[str]:
        """Return the lines that set the object at each place, or None."""
        return [line for place in self._layout.places if place for line in self._object(place, place in mixed)]

    def number_of(self, place: Place) -> int:
        """Return the number of a place, by which the source knows its object and struct."""
        return self._numbers.get(place, -1)

    def _object(self, place: Place, is_mixed: bool) -> list[str]:  # noqa: FBT001 (two of a kind)
        above, name = place[:-1], place[-1]
        number = self._numbers[place]
        lines = [self._field(f"o{number}", above, name)]
        if is_mixed or (above, name) in self.optional:
            lines.append(f"if o{number}.__class__ is not S{number}: o{number} = None")
        return lines

    def _field(self, variable: str, place: Place, name: str) -> str:
        of, number = self._numbers[place], list(self._layout.places[place].names).index(name)
        field = _attribute(self._layout, place, name, number)
        return f"{variable} = o{of}.{field}" + (f" if o{of} is not None else None" if place else "")

    def _value(self, slot: int, names: tuple[str, ...]) -> list[str]:
        groups = [self._options((), names)]
        alias = ALIASES[self._layout.schema].get(fold(names[0]))
        if alias is not None:
            groups.append([(name, names[1:]) for name in self._layout.places[()].names if fold(name) == fold(alias)])
        lines = self._choice(slot, (), [group for group in groups if group])
        if len(names) == 1 and fold(names[0]) == "SUBJECT":
            lines.append(f"if v{slot} is None: v{slot} = ''")
        return lines

    def _options(self, place: Place, names: tuple[str, ...]) -> list[Option]:
        known = self._layout.places.get(place) or Names()
        spelt = {fold(".".join(names[:taken])): names[taken:] for taken in range(1, len(names) + 1)}
        return [(name, spelt[fold(name)]) for name in known.names if fold(name) in spelt]

    def _choice(self, slot: int, place: Place, groups: list[list[Option]]) -> list[str]:
        """Return the lines that set a value to the only option of the first group that has any."""
        if not groups:
            return [f"v{slot} = None"]
        options, others = groups[0], groups[1:]
        if len(options) == 1 and not others:
            return self._follow(slot, place, *options[0])
        of, known = f"o{self._numbers[place]}", list(self._layout.places[place].names)
        self.optional.update((place, name) for name, _ in options)
        fields = [_attribute(self._layout, place, name, known.index(name)) for name, _ in options]
        there = [f"({of}.{field} is not UNSET)" for field in fields]
        lines = [f"if {of} is None: v{slot} = None"]
        if len(options) > 1:
            lines.append(f"elif {' + '.join(there)} > 1: raise AmbiguousError")
        for test, option in zip(there, options, strict=True):
            lines += [f"elif {test}:", *(f" {line}" for line in self._follow(slot, place, *option))]
        return [*lines, "else:", *(f" {line}" for line in self._choice(slot, place, others))]

    def _follow(self, slot: int, place: Place, name: str, rest: tuple[str, ...]) -> list[str]:
        if rest:
            options = self._options((*place, name), rest)
            return self._choice(slot, (*place, name), [options] if options else [])
        lines = [self._field(f"v{slot}", place, name)]
        if (place, name) in self.optional:
            lines.append(f"if v{slot} is UNSET: v{slot} = None")
        return lines
