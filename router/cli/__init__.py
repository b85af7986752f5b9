"""The command line: one module a command, nothing heavy imported before a command needs it."""

import sys
from collections.abc import Sequence
from typing import Final

__all__ = ["main"]

INTERRUPTED: Final = 130


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command of the command line and exit: 0 when it did what was asked, 130 on Ctrl-C."""
    try:
        # Takes most of a second, in which a person may press Ctrl-C already.
        from router.cli.app import main as run  # noqa: PLC0415

        run(arguments)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
