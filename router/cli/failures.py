"""How a command fails: one sentence, a hint, an exit code; never a traceback unless it was asked for."""

import os
import sys
import traceback
from collections.abc import Mapping
from typing import Final

from rich.text import Text

from router.cli.output import stderr
from router.errors import RouterError

FAILED: Final = 1
INTERRUPTED: Final = 130


def report(error: BaseException, environment: Mapping[str, str] = os.environ) -> int:
    """Tell the person what went wrong and return the exit code."""
    console = stderr()
    if isinstance(error, RouterError):
        console.print(Text.assemble(("error: ", "bold red"), error.message), soft_wrap=True)
        if error.hint:
            console.print(Text.assemble(("hint: ", "bold cyan"), error.hint), soft_wrap=True)
    elif isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    else:
        words = f"unexpected {type(error).__name__}: {error}".rstrip(": ")
        console.print(Text.assemble(("error: ", "bold red"), words), soft_wrap=True)
        console.print(
            Text.assemble(("hint: ", "bold cyan"), "ROUTER_LOG_LEVEL=debug shows the traceback."), soft_wrap=True
        )
    if environment.get("ROUTER_LOG_LEVEL", "").lower() == "debug":
        traceback.print_exception(error, file=sys.stderr)
    return FAILED
