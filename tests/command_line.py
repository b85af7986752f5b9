"""The `router` command in this process, as a person uses it."""

import asyncio
import io
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass

from router.cli import main


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str


async def router(*arguments: str, stdin: str = "") -> Done:
    """Run a command in a thread, so that a server of the test's loop can answer it."""
    return await asyncio.to_thread(_run, list(arguments), stdin)


def _run(arguments: list[str], stdin: str) -> Done:
    out, err, former = io.StringIO(), io.StringIO(), sys.stdin
    sys.stdin = io.TextIOWrapper(io.BytesIO(stdin.encode()))
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main(arguments)
    except SystemExit as end:
        return Done(int(end.code or 0), out.getvalue(), err.getvalue())
    finally:
        sys.stdin = former
    raise AssertionError("a command always exits")
