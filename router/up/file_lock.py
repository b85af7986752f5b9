"""A lock that ends with its process, however that ends."""

import os
import sys
from pathlib import Path
from typing import IO


class FileLock:
    """An exclusive lock on a file, which names its holder."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def acquire(self) -> bool:
        """Take the lock; False when another process has it.

        Raises:
            OSError: the file cannot be made.
        """
        self._path.parent.mkdir(parents=True, exist_ok=True)
        file = self._path.open("a+")
        try:
            _lock(file)
        except OSError:
            file.close()
            return False
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file
        return True

    def holder(self) -> str:
        """Return the process id that the file names, or an empty string."""
        try:
            return self._path.read_text().strip()
        except OSError:
            return ""

    def release(self, *, remove: bool = False) -> None:
        """Let go of the lock; the file stays unless told: who opens it just now would lock a file that is gone."""
        if self._file is not None:
            if remove:
                self._path.unlink(missing_ok=True)
            self._file.close()
            self._file = None


def _lock(file: IO[str]) -> None:
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415 (exists there only)

        # Far behind the text, which stays readable.
        file.seek(1 << 20)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl  # noqa: PLC0415 (does not exist on Windows)

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
