"""`python -m router.kafka.embedded.lock`: resolve the release anew and write its lock file. For maintainers only."""

import hashlib
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from router.kafka.embedded.release import LOCK_FILE, LOG_BINDING, ROOT, Jar, lock_text


def resolve_jars() -> list[Jar]:
    """Resolve and download the release with everything that it needs at run time; return its jars with their sums."""
    from jgo.maven import MavenContext  # noqa: PLC0415 (only maintainers need it here)

    with tempfile.TemporaryDirectory() as directory:
        context = MavenContext(repo_cache=Path(directory), local_repos=[])
        roots, others = context.resolver.resolve([context.create_dependency(ROOT)])
        # Not resolved with the rest: jgo would let its parent decide the versions of Kafka's own dependencies.
        dependencies = [*roots, *others, context.create_dependency(LOG_BINDING)]
        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(_pinned, [dependency.artifact for dependency in dependencies]))


def _pinned(artifact: Any) -> Jar:  # noqa: ANN401 (jgo has no types)
    if artifact.classifier or artifact.packaging != "jar":
        raise ValueError(f"not a plain jar: {artifact}")
    digest = hashlib.sha256(artifact.resolve().read_bytes()).hexdigest()
    return Jar(artifact.groupId, artifact.artifactId, artifact.version, digest)


if __name__ == "__main__":
    LOCK_FILE.write_text(lock_text(resolve_jars()))
    sys.stdout.write(f"wrote {LOCK_FILE}\n")
