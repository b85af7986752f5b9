"""Values as filters see them: a scalar, an object, or the usable elements of an array (§4.4, design §6)."""

from functools import cached_property, lru_cache
from typing import Any, Final

import orjson

from router.filters.letters import fold


class Sparse(dict[int, Any]):
    """Values by slot where most slots have none."""

    def __missing__(self, _slot: int) -> None:
        return None


Values = list[Any] | Sparse
"""An event's values by slot; None where it has nothing."""

Scalar = str | int | float | bool | None

_LONGEST: Final = 10**4_000  # Python refuses to write integers that are much longer


def json_text(value: object) -> str | None:
    """Return a number's or boolean's JSON text, by which string operators know it; None for anything else."""
    match value:
        case bool() | float():
            return orjson.dumps(value).decode()
        case int() if abs(value) < _LONGEST:
            return str(value)  # orjson knows integers of 64 bits only
        case _:
            return None


def text_of(value: object) -> str | None:
    """Return the folded text that a scalar has for string operators; None when it has none."""
    text = value if isinstance(value, str) else json_text(value)
    return None if text is None else fold(text)


class Elements:
    """What an array has for each family of operators; elements of other types are ignored."""

    def __init__(self, values: list[object]) -> None:
        self._values = values

    @cached_property
    def texts(self) -> frozenset[str]:
        """The strings, folded."""
        return frozenset(fold(value) for value in self._values if isinstance(value, str))

    @cached_property
    def numbers(self) -> list[float]:
        """The numbers, in order."""
        return sorted(
            {value for value in self._values if isinstance(value, int | float) and value.__class__ is not bool}
        )

    @cached_property
    def truths(self) -> frozenset[bool]:
        """The booleans."""
        return frozenset(value for value in self._values if isinstance(value, bool))


def elements_of(values: list[object]) -> Elements:
    """Return the elements of an array; asked again for the same array, the same."""
    return _elements(_Same(values))


class _Same:
    """An array as a key: itself, not what it holds."""

    __slots__ = ("values",)

    def __init__(self, values: list[object]) -> None:
        self.values = values

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.values is other.values

    def __hash__(self) -> int:
        return id(self.values)


@lru_cache(maxsize=16)
def _elements(same: _Same) -> Elements:
    return Elements(same.values)
