"""An archive of Kafka's classes, ready to be mapped into memory: a start with it takes 40 % less CPU.

The first start records which classes it loads; then Java writes the archive (class-data sharing), once for a Java and
a set of jars, beside the jars. An archive that does not fit is ignored by Java itself.
"""

import asyncio
import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from router.kafka.embedded.configuration import archive_command
from router.kafka.embedded.java import Java
from router.kafka.embedded.process import ChildProcess

SETTLED_SECONDS: Final = 5.0
"""Classes of the first requests belong into it too."""
MAKE_SECONDS: Final = 300.0


class ClassArchive:
    """The archive that belongs to a Java and a class path; an empty file says that this Java cannot make one."""

    def __init__(self, directory: Path, java: Java, class_path: Sequence[Path]) -> None:
        self._java = java
        self._class_path = class_path
        self.path = directory / f"classes-{_key(java, class_path)}.jsa"

    @property
    def is_decided(self) -> bool:
        """Whether it is there, or cannot be made."""
        return self.path.exists()

    def flags(self, class_list: Path | None) -> list[str]:
        """Return what Java is told at a start: to use the archive, else to record its classes where a file is given."""
        if self.is_decided:
            return [f"-XX:SharedArchiveFile={self.path.absolute()}"] if self.path.stat().st_size else []
        return [] if class_list is None else [f"-XX:DumpLoadedClassList={class_list.absolute()}"]

    async def make(self, class_list: Path, log_path: Path) -> None:
        """Write the archive of the classes that were recorded; it appears whole or not at all."""
        await asyncio.sleep(SETTLED_SECONDS)
        draft = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        wanted = class_list.with_name(f"{class_list.name}.whole")
        try:
            _copy_whole_lines(class_list, wanted)
            exit_code = await self._write(wanted, draft, log_path)
            if exit_code is not None:
                _put_in_place(draft, self.path, worked=exit_code == 0)
        except OSError:
            return  # a start is slower without it, no more
        finally:
            _remove(draft, wanted, class_list)

    async def _write(self, class_list: Path, draft: Path, log_path: Path) -> int | None:
        """Run Java's tool beside everything else; return its exit code, None when it takes too long."""
        nice = shutil.which("nice")
        command = archive_command(self._java, self._class_path, os.pathsep, class_list, draft)
        process = ChildProcess([nice, "-n", "19", *command] if nice else command, log_path)
        try:
            return process.exit_code if await process.wait(timeout_seconds=MAKE_SECONDS) else None
        finally:
            process.kill()


def _copy_whole_lines(source: Path, target: Path) -> None:
    """Copy all but what is being written: Kafka goes on recording."""
    target.write_text(source.read_text().rpartition("\n")[0] + "\n")


def _put_in_place(draft: Path, path: Path, *, worked: bool) -> None:
    if not worked:
        draft.unlink(missing_ok=True)
        draft.touch()
    draft.replace(path)


def _remove(*paths: Path) -> None:
    for path in paths:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def _key(java: Java, class_path: Sequence[Path]) -> str:
    """Return what tells archives apart: Java refuses one of another build, or of jars that were changed."""
    release = java.path.parent.parent / "release"
    facts = [f"{java.path}", release.read_text() if release.is_file() else f"{java.version}"]
    facts += [f"{jar.absolute()} {jar.stat().st_mtime_ns} {jar.stat().st_size}" for jar in class_path]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]
