"""What commands print: data on stdout, remarks on stderr; colours on a terminal only (NO_COLOR is obeyed)."""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

Cell = str | Text
"""What stands in a table."""

PIPED_WIDTH: Final = 1000
"""Columns of a table that goes to a file or a pipe, where nothing needs to be folded."""


GAP: Final = 2
"""Columns between those of a table."""
LONGEST_WORD: Final = 60
"""Columns that an id or a type may have and is still kept in one piece, so that it can be copied."""


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
    """Print rows under their headings; where the terminal is too narrow for words, it is the terminal that folds."""
    cells = [[Text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows]
    texts = [[column, *(row[place].plain for row in cells)] for place, column in enumerate(columns)]
    words = [min(LONGEST_WORD, _longest(word for text in column for word in text.split())) for column in texts]
    lines = [_longest(line for text in column for line in text.splitlines()) for column in texts]
    console = stdout()
    widths = _shared_out(console.width - GAP * len(columns), words, lines)
    console.width = max(console.width, sum(widths) + GAP * len(columns))
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column, overflow="fold", width=width)
    for row in cells:
        table.add_row(*row)
    _print_grid(table, console)


def print_fields(fields: Sequence[tuple[str, str | Text]]) -> None:
    """Print one thing, a field a line."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="bold", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, value in fields:
        grid.add_row(name, Text(value) if isinstance(value, str) else value)
    _print_grid(grid, stdout())


def _longest(texts: Iterable[str]) -> int:
    return max(map(cell_len, texts), default=0)


def _shared_out(room: int, least: Sequence[int], wanted: Sequence[int]) -> list[int]:
    """Return the widths of columns: at least so much each, and of what is left in `room` as much as they want."""
    widths, spare = list(least), room - sum(least)
    if spare < 0:  # the terminal folds lines anyway: one a row
        return [max(narrow, min(wide, LONGEST_WORD)) for narrow, wide in zip(least, wanted, strict=True)]
    modest = sorted(range(len(least)), key=lambda place: wanted[place] - least[place])
    for turn, place in enumerate(modest):
        more = max(0, min(wanted[place] - least[place], spare // (len(modest) - turn)))
        widths[place] += more
        spare -= more
    return widths


def _print_grid(grid: Table, console: Console) -> None:
    """Print a grid, without the blanks that fill its last column where nobody sees them."""
    with console.capture() as captured:
        console.print(grid)
    sys.stdout.write("".join(line.rstrip() + "\n" for line in captured.get().splitlines()))
