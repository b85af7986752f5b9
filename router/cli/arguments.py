"""Options with several values, as `az` has them: `--labels a b`, `--advanced-filter KEY OPERATOR VALUE…`.

Click's options take a fixed number of values, so the arguments are rewritten before it reads them:

* spread, for a list: `--labels a b` becomes `--labels=a --labels=b`;
* packed, for a repeatable group: `--advanced-filter k StringIn a` becomes `--advanced-filter=["k","StringIn","a"]`;
* optional, for a three-state flag: `--subject-case-sensitive` becomes `--subject-case-sensitive=true`.

Values end at the next argument that starts with `--` or is a short option; `-5` is a value.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import typer

from router.cli.help import PlainCommand


@dataclass(frozen=True, slots=True)
class Spelling:
    """Which options of a command take several values, and how; `short` are the short options it knows."""

    spread: frozenset[str] = frozenset()
    packed: frozenset[str] = frozenset()
    optional: frozenset[str] = frozenset()
    short: frozenset[str] = frozenset({"-n", "-h"})


class MissingValueError(ValueError):
    """An option that needs values has none; the message is the option."""


def rewrite(arguments: Sequence[str], spelling: Spelling) -> list[str]:
    """Return the arguments with one value an option.

    Raises:
        MissingValueError: an option that needs values has none.
    """
    written: list[str] = []
    rest = list(arguments)
    while rest:
        token = rest.pop(0)
        if token == "--":  # noqa: S105 (the end of the options, no password)
            return [*written, token, *rest]
        option, equals, first = token.partition("=")
        if option not in spelling.spread | spelling.packed | spelling.optional:
            written.append(token)
            continue
        values = ([first] if equals else []) + _take_values(rest, spelling, limit=_limit(option, spelling, equals))
        written += _written(option, values, spelling)
    return written


def unpack(packed: Collection[str]) -> list[list[str]]:
    """Return the groups of values of a packed option."""
    return [json.loads(group) for group in packed]


def command_with(spelling: Spelling) -> type[PlainCommand]:
    """Return a command class whose options are spelled so."""

    class SpelledCommand(PlainCommand):
        """A command with options of several values."""

        def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 (typer or click own the type)
            try:
                args = rewrite(args, spelling)
            except MissingValueError as missing:
                raise typer.BadParameter("expected at least one value", ctx=ctx, param_hint=f"{missing}") from None
            return super().parse_args(ctx, args)

    return SpelledCommand


def _limit(option: str, spelling: Spelling, equals: str) -> int | None:
    if option in spelling.optional:
        return 0 if equals else 1
    return None


def _take_values(rest: list[str], spelling: Spelling, limit: int | None) -> list[str]:
    """Take from the front of `rest` what are values."""
    values: list[str] = []
    while rest and (limit is None or len(values) < limit):
        if rest[0].startswith("--") or rest[0] in spelling.short:
            break
        values.append(rest.pop(0))
    return values


def _written(option: str, values: list[str], spelling: Spelling) -> list[str]:
    if option in spelling.optional:
        return [f"{option}={values[0] if values else 'true'}"]
    if not values:
        raise MissingValueError(option)
    if option in spelling.packed:
        return [f"{option}={json.dumps(values)}"]
    return [f"{option}={value}" for value in values]
