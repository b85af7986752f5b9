"""The children's log files: kept small, and quoted when something goes wrong."""

import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

LARGEST_BYTES: Final = 32 * 1024 * 1024
QUOTED_BYTES: Final = 64 * 1024


def older(path: Path) -> Path:
    """Return where the part of a log goes that is cut off."""
    return path.with_name(f"{path.name}.1")


def cut(paths: Iterable[Path], *, largest_bytes: int = LARGEST_BYTES) -> None:
    """Move what is in each file that has grown too large to `<name>.1`; its writer may go on writing."""
    for path in paths:
        # Copied, not renamed: the child appends to the file that it has open. A full disk must not end the supervisor.
        with suppress(OSError):
            if path.stat().st_size > largest_bytes:
                shutil.copyfile(path, older(path))
                with path.open("r+b") as file:
                    file.truncate(0)


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last lines of a log, fewer where there are fewer, none where there is no file."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - QUOTED_BYTES))
            return file.read().decode(errors="replace").splitlines()[-count:]
    except OSError:
        return []
