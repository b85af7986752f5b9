"""A group of options that several commands take, declared once as a dataclass whose fields are typer options."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import get_type_hints


def taking(flags: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator: the command's first parameter is a `flags`, whose fields become options of its own."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        parameters = _parameters(command, flags)
        names = {field.name for field in fields(flags)}

        def with_flags(**given: object) -> None:
            own = {name: value for name, value in given.items() if name in names}
            command(flags(**own), **{name: value for name, value in given.items() if name not in names})

        # Typer reads both; functools.wraps would make it read the command's own instead.
        with_flags.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # inspect looks for it
        with_flags.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        with_flags.__name__, with_flags.__doc__ = command.__name__, command.__doc__
        return with_flags

    return decorate


def _parameters(command: Callable[..., None], flags: type) -> list[inspect.Parameter]:
    """Return the command's parameters but for the first, with the flags' after the required ones."""
    own = list(inspect.signature(command).parameters.values())[1:]
    hints, kind = get_type_hints(flags, include_extras=True), inspect.Parameter.KEYWORD_ONLY
    added = [
        inspect.Parameter(field.name, kind, default=field.default, annotation=hints[field.name])
        for field in fields(flags)
        if field.default is not MISSING
    ]
    required = [p for p in own if p.default is inspect.Parameter.empty]
    optional = [p for p in own if p.default is not inspect.Parameter.empty]
    return [_keyword_only(p) for p in (*required, *added, *optional)]


def _keyword_only(parameter: inspect.Parameter) -> inspect.Parameter:
    return parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
