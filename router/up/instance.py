"""The stable name under which a data directory's workers join their consumer groups."""

import secrets
from pathlib import Path
from typing import Final

FILE_NAME: Final = "instance"


def instance_name(data_dir: Path) -> str:
    """Return the name; made once and kept, so that a worker gets its partitions back after any restart.

    Random, for two data directories may share one Kafka, and members of one name push each other out.
    """
    path = data_dir / FILE_NAME
    if path.exists() and (name := path.read_text().strip()):
        return name
    name = f"local-{secrets.token_hex(3)}"
    path.write_text(f"{name}\n")
    return name
