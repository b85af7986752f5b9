"""Which Apache Kafka is embedded, and the lock file that pins each of its jars."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

KAFKA_VERSION: Final = "4.3.1"
ROOT: Final = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}"
"""What the lock file is resolved from."""

LOG_BINDING: Final = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
"""Joins Kafka's log facade to the log4j in its list, and of that version; without it nothing is logged at all."""

LOCK_FILE: Final = Path(__file__).with_name(f"kafka-{KAFKA_VERSION}.lock")


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar: its Maven coordinate and the sha256 of its bytes, in hexadecimal."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def coordinate(self) -> str:
        """Return `group:artifact:version`."""
        return f"{self.group}:{self.artifact}:{self.version}"

    @property
    def file_name(self) -> str:
        """Return the name of the file; no two jars of a release share one."""
        return f"{self.artifact}-{self.version}.jar"

    @property
    def repository_path(self) -> str:
        """Return where a Maven repository keeps it."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.file_name}"


def parse_lock(lines: Iterable[str]) -> tuple[Jar, ...]:
    """Return the jars of a lock file: `group:artifact:version sha256` a line, `#` for remarks.

    Raises:
        ValueError: a line is something else.
    """
    jars = []
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        coordinate, sha256 = line.split()
        group, artifact, version = coordinate.split(":")
        jars.append(Jar(group, artifact, version, sha256))
    return tuple(jars)


def lock_text(jars: Sequence[Jar]) -> str:
    """Return the lock file of these jars, in the order of their coordinates."""
    lines = [
        f"# Apache Kafka {KAFKA_VERSION}: every jar, and the sha256 of its bytes.",
        "# Made by `python -m router.kafka.embedded.lock`; do not edit.",
    ]
    lines += [f"{jar.coordinate} {jar.sha256}" for jar in sorted(jars, key=lambda jar: jar.coordinate)]
    return "\n".join(lines) + "\n"


def read_lock(path: Path = LOCK_FILE) -> tuple[Jar, ...]:
    """Return the jars that this release of the router pins."""
    return parse_lock(path.read_text().splitlines())
