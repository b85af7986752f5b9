"""Packages from npm, for tests that need them: installed once, into a cache directory outside the repository."""

import fcntl
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest

CACHE = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "workspace-event-router" / "npm"
INSTALL_SECONDS = 180


@cache
def node_packages(*names: str) -> Path:
    """Return a directory whose node_modules holds the packages; without Node or npm the test is skipped."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node and npm are not installed")
    with _alone():
        missing = [name for name in names if not (CACHE / "node_modules" / name / "package.json").exists()]
        if missing:
            command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(CACHE)]
            done = subprocess.run(
                [*command, *missing], cwd=CACHE, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False
            )
            if done.returncode:
                pytest.skip(f"npm cannot install {', '.join(missing)}")
    return CACHE


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other processes of tests from installing meanwhile."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def run_node(directory: Path, script: str, **environment: str) -> Any:
    """Run a module in a directory of packages and return the JSON that it prints; a failure shows what it said."""
    path = directory / f"script-{os.getpid()}.mjs"
    path.write_text(script)
    try:
        done = subprocess.run(
            ["node", str(path)],
            cwd=directory,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    finally:
        path.unlink()
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout)
