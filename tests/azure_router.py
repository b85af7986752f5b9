"""A whole router with TLS, and the unmodified clients of Azure that are pointed at it."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import router
from router.credentials import Credentials, read_credentials
from router.kafka.embedded.ports import free_port

HOME = Path(router.__file__).parent.parent
AZ = os.environ.get("TEST_AZ") or shutil.which("az")
COMMAND = [sys.executable, "-P", "-m", "router"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HOME), "ROUTER_LOG_FORMAT": "json"}


class AzureRouter:
    """One `router up` with TLS, which may be stopped and started again."""

    def __init__(self, directory: Path) -> None:
        self.data = directory / "data"
        self.log = directory / "up.log"
        self.port = free_port()
        self.tls_port = free_port(apart_from=self.port)
        self.kafka_port = free_port(apart_from=self.tls_port)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        ports = {"--port": self.port, "--tls-port": self.tls_port, "--kafka-port": self.kafka_port, "--metrics-port": 0}
        flags = [word for flag, port in ports.items() for word in (flag, str(port))]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "up", "--data-dir", str(self.data), *flags], stdout=log, stderr=log, env=ENVIRONMENT
            )
        end = time.monotonic() + 120
        while not self._is_ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < end, self.log.read_text()
            time.sleep(0.2)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        assert self.process.wait(60) == 0

    @property
    def credentials(self) -> Credentials:
        found = read_credentials(self.data)
        assert found is not None
        return found

    def run(self, *arguments: str) -> str:
        """Run a `router` command against it and return what it prints."""
        done = subprocess.run(
            [*COMMAND, *arguments, "--data-dir", str(self.data)],
            env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    def principal(self, role: str = "Contributor") -> dict[str, Any]:
        """Make a principal: its client id and secret."""
        name = f"{role}-{time.monotonic_ns()}"
        return dict(json.loads(self.run("principal", "create", "--name", name, "--role", role, "--json")))

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False


def programs(directory: Path) -> str:
    """Make a folder with `router` as a program in it, and return a PATH that has it and az."""
    directory.mkdir()
    (directory / "router").write_text(f'#!/bin/sh\nexec {sys.executable} -P -m router "$@"\n')
    (directory / "router").chmod(0o755)
    return f"{directory}:{Path(str(AZ)).parent}:{os.environ['PATH']}"


class Az:
    """The unmodified az, signed in as `router azure-cli` says."""

    def __init__(self, running: AzureRouter, directory: Path) -> None:
        environment = {**ENVIRONMENT, "PATH": programs(directory), "ROUTER_DATA_DIR": str(running.data)}
        script = 'set -euo pipefail\nsource <(router azure-cli)\nexec python3 -c "import json, os; print(json.dumps(dict(os.environ)))"'
        done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        self._environment = json.loads(done.stdout.splitlines()[-1])
        # A copy of the login: whoever undoes `router azure-cli` there does not end it here.
        own = directory.with_name("login")
        shutil.copytree(self._environment["AZURE_CONFIG_DIR"], own)
        self._environment["AZURE_CONFIG_DIR"] = str(own)

    async def __call__(self, *words: str) -> Any:
        """Run a command and return what it prints, as JSON."""
        done = await self._run(words)
        assert done.returncode == 0, f"az {' '.join(words)}\n{done.stderr}"
        return json.loads(done.stdout) if done.stdout.strip() else None

    async def refused(self, *words: str) -> str:
        """Run a command that has to fail and return what it says."""
        done = await self._run(words)
        assert done.returncode != 0, f"az {' '.join(words)}\n{done.stdout}"
        return done.stderr

    async def _run(self, words: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
        command = [str(AZ), *words, "--output", "json"]
        return await asyncio.to_thread(
            subprocess.run, command, env=self._environment, capture_output=True, text=True, check=False
        )
