"""How the loops begin that the fan-out benchmark has for references."""

import argparse

from router.process_memory import collect_rarely


def begin() -> argparse.Namespace:
    """Return bootstrap, group, guarantee and sinks as given; collect garbage as rarely as the worker does."""
    collect_rarely()
    parser = argparse.ArgumentParser()
    parser.add_argument("bootstrap")
    parser.add_argument("group")
    parser.add_argument("guarantee")
    parser.add_argument("sinks", nargs="*")
    given = parser.parse_args()
    given.transactional = given.guarantee == "effectively_once"
    return given
