"""What commands print: data on stdout, remarks on stderr; colours on a terminal only (NO_COLOR is obeyed)."""

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

Cell = str | Text
"""What stands in a table."""

PIPED_WIDTH: Final = 1000
"""Columns of a table that goes to a file or a pipe, where nothing needs to be folded."""


def stdout() -> Console:
    """Return the console for data."""
    return Console(highlight=False, width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else PIPED_WIDTH)


def stderr() -> Console:
    """Return the console for remarks."""
    return Console(stderr=True, highlight=False)


def say(text: str) -> None:
    """Print a sentence about what was done."""
    stdout().print(Text(text), soft_wrap=True)


def remark(text: str) -> None:
    """Print a sentence beside the data, on stderr."""
    stderr().print(Text(text, style="dim"), soft_wrap=True)


def warn(text: str) -> None:
    """Print a warning, on stderr."""
    stderr().print(Text.assemble(("warning: ", "bold yellow"), text), soft_wrap=True)


def print_lines(lines: Sequence[str]) -> None:
    """Print lines as they are: a script, never folded."""
    sys.stdout.write("".join(line + "\n" for line in lines))


def print_json(value: Any) -> None:  # noqa: ANN401 (any JSON)
    """Print a JSON document, indented."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if sys.stdout.isatty():
        stdout().print_json(text)
    else:
        sys.stdout.write(text + "\n")


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """Print rows under their headings."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    _print_grid(table)


def print_fields(fields: Sequence[tuple[str, str | Text]]) -> None:
    """Print one thing, a field a line."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in fields:
        grid.add_row(name, Text(value) if isinstance(value, str) else value)
    _print_grid(grid)


def _print_grid(grid: Table) -> None:
    """Print a grid, without the blanks that fill its last column where nobody sees them."""
    console = stdout()
    with console.capture() as captured:
        console.print(grid)
    sys.stdout.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))
