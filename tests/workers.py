"""Real worker processes for tests: started as a user starts them, killed as an operator would not."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

from tests.waiting import free_port, until


class WorkerProcess:
    """`router worker` with some stages, in a process of its own."""

    def __init__(
        self,
        bootstrap_servers: str,
        data_dir: Path,
        instance: str,
        guarantee: str = "effectively_once",
        stages: str = "fanout",
        **environment: str,
    ):
        self._port = free_port()
        self._log = data_dir / f"{instance}.log"
        self._command = [
            *(sys.executable, "-m", "router", "worker", "--stages", stages, "--data-dir", str(data_dir)),
            *("--bootstrap-servers", bootstrap_servers, "--metrics-port", str(self._port)),
        ]
        self._environment = os.environ | {"ROUTER_INSTANCE": instance, "ROUTER_DELIVERY_GUARANTEE": guarantee}
        self._environment |= environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "WorkerProcess":
        """Begin, without waiting."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        return self

    async def ready(self) -> "WorkerProcess":
        """Return once its partitions are assigned."""
        await until(self._is_ready, seconds=100)
        return self

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(30)

    def terminate(self) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.terminate()
        return self._process.wait(60)

    def end(self) -> None:
        """Make sure that it is gone."""
        if self._process is not None and self._process.poll() is None:
            self.kill()

    @property
    def log(self) -> str:
        """What it has logged."""
        return self._log.read_text()

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log[-2000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=2) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False
