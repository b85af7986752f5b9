"""`python -m benchmarks NAME [--json FILE]`."""

import argparse
import importlib
import json
import signal
import sys
from pathlib import Path

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
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("name", choices=NAMES)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    arguments, rest = parser.parse_known_args()
    signal.signal(signal.SIGTERM, _end)
    figures = importlib.import_module(f"benchmarks.{arguments.name}").run(rest)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
