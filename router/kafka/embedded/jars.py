"""Kafka's jars: fetched once into the user's cache, and checked against the lock file at every start (25 ms)."""

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any, Final

from router.errors import EmbeddedKafkaError
from router.kafka.embedded.release import KAFKA_VERSION, Jar, read_lock

Report = Callable[[str], None]
"""Takes a sentence for the person who waits."""

INSTALL: Final = "pip install 'workspace-event-router[embedded]'"
OTHER_KAFKA: Final = "or use a Kafka of your own with --bootstrap-servers"
PARALLEL: Final = 8
ATTEMPTS: Final = 3
PAUSE_SECONDS: Final = 0.5
TIMEOUT_SECONDS: Final = 20
DRAFT_PREFIX: Final = ".fetch-"
STALE_SECONDS: Final = 3600


def cache_directory() -> Path:
    """Return where this machine's user keeps the jars, for every data directory."""
    if sys.platform == "win32":
        home = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "workspace-event-router" / f"kafka-{KAFKA_VERSION}"


def install_jars(
    directory: Path,
    *,
    jars: Sequence[Jar] | None = None,
    repository: str | None = None,
    report: Report = lambda _: None,
) -> list[Path]:
    """Return the class path; fetch what is missing or damaged from `repository` (None: the public one).

    Two processes may do this at once: a jar appears whole, under its final name, only after its sum was right.

    Raises:
        EmbeddedKafkaError: a jar cannot be had, is not the pinned one, or cannot be stored.
    """
    wanted = read_lock() if jars is None else jars
    with ThreadPoolExecutor(PARALLEL) as pool:
        right = list(pool.map(lambda jar: is_pinned(directory / jar.file_name, jar), wanted))
    missing = [jar for jar, has_it in zip(wanted, right, strict=True) if not has_it]
    if missing:
        report(f"Fetching Apache Kafka {KAFKA_VERSION} ({len(missing)} jars, once) into {directory}")
        _fetch_all(missing, directory, repository)
    return [directory / jar.file_name for jar in wanted]


def is_pinned(path: Path, jar: Jar) -> bool:
    """Return whether the file is there and has the bytes that the lock file pins."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == jar.sha256
    except OSError:
        return False


def _fetch_all(jars: Sequence[Jar], directory: Path, repository: str | None) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        _sweep(directory)
        draft = Path(tempfile.mkdtemp(prefix=DRAFT_PREFIX, dir=directory))
    except OSError as error:
        raise EmbeddedKafkaError(
            f"cannot store Kafka's jars in {directory}: {error.strerror}", hint="XDG_CACHE_HOME names another place."
        ) from error
    try:
        context = _maven_context(draft, repository)
        # Daemon threads: neither the first failure nor Ctrl-C waits for downloads that are under way.
        with ThreadPool(PARALLEL) as pool:
            for _ in pool.imap_unordered(lambda jar: _fetch(jar, directory, context), jars):
                pass
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sweep(directory: Path) -> None:
    """Remove what fetches that were killed left behind."""
    for draft in directory.glob(f"{DRAFT_PREFIX}*"):
        with suppress(OSError):
            if time.time() - draft.stat().st_mtime > STALE_SECONDS:
                shutil.rmtree(draft, ignore_errors=True)


def _maven_context(draft: Path, repository: str | None) -> Any:  # noqa: ANN401 (jgo has no types)
    try:
        from jgo.constants import default_maven_repo  # noqa: PLC0415 (an extra; slow to import)
        from jgo.maven import MavenContext  # noqa: PLC0415
    except ImportError:
        raise EmbeddedKafkaError(
            "the embedded Kafka is not installed: jgo is missing", hint=f"{INSTALL}, {OTHER_KAFKA}."
        ) from None
    return MavenContext(
        repo_cache=draft,
        local_repos=[default_maven_repo()],
        remote_repos={"given": repository.rstrip("/")} if repository else None,
        timeout=TIMEOUT_SECONDS,
    )


def _fetch(jar: Jar, directory: Path, context: Any) -> None:  # noqa: ANN401
    """Bring one jar to its place."""
    own = next(
        (path for path in (base / jar.repository_path for base in context.local_repos) if is_pinned(path, jar)), None
    )
    source = own or _download(jar, context)
    if not is_pinned(source, jar):
        raise EmbeddedKafkaError(
            f"{jar.coordinate} came with other bytes than this release pins (sha256 {jar.sha256[:16]}…): refused",
            hint="A proxy or mirror on the way may change files; look at what it answers.",
        )
    draft = source if own is None else Path(shutil.copy2(own, context.repo_cache / jar.file_name))
    try:
        draft.replace(directory / jar.file_name)
    except OSError as error:
        # Another process may have put it there meanwhile, and on Windows an open file cannot be replaced.
        if not is_pinned(directory / jar.file_name, jar):
            raise EmbeddedKafkaError(f"cannot store {jar.file_name} in {directory}: {error.strerror}") from error


def _download(jar: Jar, context: Any) -> Path:  # noqa: ANN401
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            path: Path = context.resolver.download(artifact)
        except (OSError, RuntimeError, AssertionError) as error:
            # requests' errors are OSErrors; jgo asserts that what an attempt before left is gone.
            artifact.cached_path.unlink(missing_ok=True)
            if attempt == ATTEMPTS or isinstance(error, RuntimeError):
                raise EmbeddedKafkaError(
                    f"cannot download {jar.coordinate}: {_why(error)}",
                    hint="Needed once. Behind a proxy set HTTPS_PROXY; ROUTER_MAVEN_REPOSITORY names a mirror; "
                    f"{OTHER_KAFKA}.",
                ) from error
            time.sleep(PAUSE_SECONDS * attempt)
        else:
            return path
    raise AssertionError("an attempt returns or raises")


def _why(error: Exception) -> str:
    """Return what went wrong in the innermost error's words; jgo's own could show a mirror's password."""
    if isinstance(error, RuntimeError):
        return "the repository does not have it"
    while True:
        inner = error.__cause__ or error.__context__
        if not isinstance(inner, Exception):
            return " ".join(str(error).split()) or type(error).__name__
        error = inner
