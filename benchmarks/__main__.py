"""`python -m benchmarks NAME [--awake] [--json FILE]`."""

import argparse
import importlib
import json
import signal
import sys
from contextlib import nullcontext
from pathlib import Path

from benchmarks.awake import awake

NAMES = (
    "fanout",
    "latency",
    "loadtest",
    "crowd",
    "matching",
    "delivery",
    "isolation",
    "waiting",
    "ingress",
    "soak",
    "overload",
    "rebalance",
)


def _end(number: int, _: object) -> None:
    """End as Ctrl-C does, so that no process that was started for the benchmark outlives it."""
    sys.exit(128 + number)


def main() -> None:
    """Run the named benchmark and print its table."""
    # Whoever asks for help with a name wants to know what that benchmark takes.
    named = bool(set(sys.argv[1:]) & set(NAMES))
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, add_help=not named)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.add_argument(
        "--awake", action="store_true", help="let no processor go to sleep: for latencies on a virtual machine"
    )
    arguments, rest = parser.parse_known_args()
    signal.signal(signal.SIGTERM, _end)
    with awake() if arguments.awake else nullcontext():
        figures = importlib.import_module(f"benchmarks.{arguments.name}").run(rest)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
