"""Help as plain text: options under their panel's heading, names never cut, examples as they are typed."""

import inspect
import os
import sys
from collections.abc import Mapping
from typing import Any, Final

import typer
from typer.core import TyperCommand, TyperGroup

WIDTH: Final = 100
CONTEXT: Final = {"help_option_names": ["--help", "-h"], "max_content_width": WIDTH}
LONGEST_SENTENCE: Final = 300
"""No sentence about a command in the list of its group is cut before it ends."""
OTHERS: Final = "Options"


class PlainCommand(TyperCommand):
    """A command whose help groups its options by panel."""

    # Typer and click each own a Context and a HelpFormatter, by version: hence Any in this module.
    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write arguments and options, a section for each panel."""
        write_parameters(self, ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        """Write the examples line by line."""
        write_examples(self.epilog, formatter)


class PlainGroup(TyperGroup):
    """A group of commands whose help groups them by panel."""

    def format_options(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the options, then the commands, a section for each panel."""
        write_parameters(self, ctx, formatter)
        self.format_commands(ctx, formatter)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401, ARG002
        """Write the examples line by line."""
        write_examples(self.epilog, formatter)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
        """Write the commands, a section for each panel."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name in self.list_commands(ctx):
            command: Any = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                panel = _panel(command, "Commands")
                sections.setdefault(panel, []).append((name, command.get_short_help_str(LONGEST_SENTENCE)))
        _write(sections, formatter)


def write_parameters(command: Any, ctx: Any, formatter: Any) -> None:  # noqa: ANN401
    """Write a command's parameters: arguments, options, then a section for each panel as they come up."""
    sections: dict[str, list[tuple[str, str]]] = {"Arguments": [], OTHERS: []}
    for parameter in command.get_params(ctx):
        record = parameter.get_help_record(ctx)
        if record is not None:
            usual = "Arguments" if parameter.param_type_name == "argument" else OTHERS
            sections.setdefault(_panel(parameter, usual), []).append(record)
    _write({panel: records for panel, records in sections.items() if records}, formatter)


def write_examples(epilog: str | None, formatter: Any) -> None:  # noqa: ANN401
    """Write lines so that each can be copied, under a heading."""
    if epilog:
        with formatter.section(_heading("Examples")):
            for line in inspect.cleandoc(epilog).splitlines():
                formatter.write(f"{' ' * formatter.current_indent}{line}".rstrip() + "\n")


def _write(sections: Mapping[str, list[tuple[str, str]]], formatter: Any) -> None:  # noqa: ANN401
    for panel, records in sections.items():
        with formatter.section(_heading(panel)):
            formatter.write_dl(records)


def _panel(thing: object, usual: str) -> str:
    panel = getattr(thing, "rich_help_panel", None)
    return panel if isinstance(panel, str) else usual


def _heading(text: str) -> str:
    return typer.style(text, bold=True) if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text
