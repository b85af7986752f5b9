"""The command line: one module a command, nothing heavy imported before a command needs it."""

from router.cli.app import main

__all__ = ["main"]
