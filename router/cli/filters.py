"""The words of `--advanced-filter` and `--delivery-attribute-mapping`, as `az` reads them (§9.1), into JSON.

Unlike az, `false` is false.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Final, Literal

from router.errors import RefusedError

Json = dict[str, Any]
Operands = Literal["none", "number", "numbers", "ranges", "boolean", "strings"]

OPERATORS: Final[dict[str, Operands]] = {
    "NumberIn": "numbers",
    "NumberNotIn": "numbers",
    "NumberLessThan": "number",
    "NumberLessThanOrEquals": "number",
    "NumberGreaterThan": "number",
    "NumberGreaterThanOrEquals": "number",
    "NumberInRange": "ranges",
    "NumberNotInRange": "ranges",
    "BoolEquals": "boolean",
    "StringContains": "strings",
    "StringNotContains": "strings",
    "StringBeginsWith": "strings",
    "StringNotBeginsWith": "strings",
    "StringEndsWith": "strings",
    "StringNotEndsWith": "strings",
    "StringIn": "strings",
    "StringNotIn": "strings",
    "IsNullOrUndefined": "none",
    "IsNotNull": "none",
}
"""Event Grid's operators (§4.2), and what each compares with."""

_SPELLINGS: Final = {name.lower(): name for name in OPERATORS}
_ADVANCED: Final = "--advanced-filter"
_MAPPING: Final = "--delivery-attribute-mapping"
_KEY_AND_OPERATOR: Final = 2


def advanced_filter(words: Sequence[str]) -> Json:
    """Return the advanced filter that `KEY OPERATOR VALUE…` means.

    Raises:
        RefusedError: the operator is unknown, or its operands are not what it compares with.
    """
    if len(words) < _KEY_AND_OPERATOR:
        raise RefusedError(
            f"{_ADVANCED} {' '.join(words)}: a key and an operator are needed",
            hint=f"Such as: {_ADVANCED} data.runTags.team StringIn vision speech",
        )
    key, spelled, *operands = words
    operator = _SPELLINGS.get(spelled.lower())
    if operator is None:
        raise RefusedError(f"{_ADVANCED}: unknown operator {spelled!r}", hint=f"Operators are {', '.join(OPERATORS)}.")
    return {"operatorType": operator, "key": key, **_operands(f"{_ADVANCED} {key} {operator}", operator, operands)}


def delivery_attribute(words: Sequence[str]) -> Json:
    """Return the delivery attribute that `NAME static VALUE [true|false]` or `NAME dynamic FIELD` means (§5.10).

    Raises:
        RefusedError: it is neither of the two.
    """
    match [words[0], words[1].lower(), *words[2:]] if len(words) > 1 else list(words):
        case [name, "static", value]:
            return {"name": name, "type": "Static", "properties": {"value": value, "isSecret": False}}
        case [name, "static", value, is_secret]:
            secret = boolean(f"{_MAPPING} {name} static …", is_secret)
            return {"name": name, "type": "Static", "properties": {"value": value, "isSecret": secret}}
        case [name, "dynamic", field]:
            return {"name": name, "type": "Dynamic", "properties": {"sourceField": field}}
        case _:
            raise RefusedError(
                f"{_MAPPING} {words[0]}: give NAME static VALUE [true|false] or NAME dynamic FIELD",
                hint=f"Such as: {_MAPPING} x-tenant static contoso false",
            )


def boolean(where: str, text: str) -> bool:
    """Read `true` or `false`, in any case.

    Raises:
        RefusedError: it is neither; the message begins with `where`.
    """
    match text.strip().lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise RefusedError(f"{where}: {text!r} is neither true nor false")


def _operands(where: str, operator: str, operands: Sequence[str]) -> Json:
    match OPERATORS[operator]:
        case "none":
            if operands:
                raise RefusedError(f"{where} takes no value (got {operands[0]!r})")
            return {}
        case "number":
            return {"value": _number(where, _only(where, operands))}
        case "boolean":
            return {"value": boolean(where, _only(where, operands))}
        case "strings":
            return {"values": _several(where, operands, lambda _where, text: text)}
        case "numbers":
            return {"values": _several(where, operands, _number)}
        case "ranges":
            return {"values": _several(where, operands, _range)}


def _only(where: str, operands: Sequence[str]) -> str:
    if len(operands) != 1:
        raise RefusedError(f"{where} takes exactly one value (got {len(operands)})")
    return operands[0]


def _several(where: str, operands: Sequence[str], read: Callable[[str, str], Any]) -> list[Any]:
    if not operands:
        raise RefusedError(f"{where} takes at least one value")
    return [read(where, operand) for operand in operands]


def _number(where: str, text: str) -> int | float:
    """Read a number; a whole one stays exact, however large."""
    for read in (int, float):
        try:
            number = read(text)
        except ValueError:
            continue
        if math.isfinite(number) and "_" not in text:
            return number
    raise RefusedError(f"{where}: {text!r} is no number")


def _range(where: str, text: str) -> list[int | float]:
    low, comma, high = text.partition(",")
    if not comma:
        raise RefusedError(f"{where}: {text!r} is no range", hint="Ranges are written LOW,HIGH such as 5,10.")
    return [_number(where, low), _number(where, high)]
