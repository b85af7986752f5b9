"""`router up` as a person runs it: the real server, worker and Kafka, which are then killed one after the other."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

import router
from router.kafka.embedded.ports import free_port

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(240)]

PUBLISHED = {
    "id": "up-1",
    "subject": "models/churn:3",
    "eventType": "Microsoft.MachineLearningServices.ModelRegistered",
    "eventTime": "2025-10-20T12:00:00Z",
    "data": {"modelName": "churn"},
    "dataVersion": "1",
}


class RouterUp:
    """One `router up` with a data directory and ports of its own; may be started again."""

    def __init__(self, directory: Path):
        self.data = directory / "data"
        self.log = directory / "up.log"
        self.port = free_port()
        self.kafka_port = free_port(apart_from=self.port)
        self.process = None

    def start(self) -> "RouterUp":
        ports = ["--port", f"{self.port}", "--kafka-port", f"{self.kafka_port}"]
        with self.log.open("a") as log:
            self.process = subprocess.Popen(
                [*COMMAND, "up", "--data-dir", str(self.data), *ports], stdout=log, stderr=log, env=ENVIRONMENT
            )
        self.until_ready()
        return self

    def until_ready(self) -> None:
        until(lambda: self.process.poll() is not None or self.status("/readyz") == 200, 120)
        assert self.process.poll() is None, self.log.read_text()

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def stop(self, number=signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def children(self) -> dict[str, int]:
        """Process ids of the living children by what they are."""
        found = {}
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            kind = re.search(r" router (server|worker) |\b(kafka)\.Kafka\b", line)
            if kind:
                found[kind[1] or kind[2]] = int(pid)
        return found

    def cli(self, *arguments: str) -> str:
        command = [*COMMAND, *arguments, "--data-dir", str(self.data)]
        return subprocess.run(command, capture_output=True, text=True, env=ENVIRONMENT, check=True, timeout=60).stdout


COMMAND = (sys.executable, "-P", "-m", "router")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(router.__file__).parents[1])}


def until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.05)


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.fixture
def up(tmp_path):
    one = RouterUp(tmp_path)
    yield one
    if one.process is not None and one.process.poll() is None:
        one.process.kill()
        one.process.wait()


def test_ctrl_c_ends_everything_in_order_and_the_next_start_has_the_data(up, tmp_path):
    up.start()
    until(lambda: "router is ready at" in up.log.read_text())
    children = up.children()
    (tmp_path / "event.json").write_text(json.dumps([PUBLISHED]))
    up.cli("event-subscription", "create", "--name", "models", "--endpoint-type", "topic", "--endpoint", "models")
    up.cli("publish", str(tmp_path / "event.json"))

    assert sorted(children) == ["kafka", "server", "worker"]
    assert (up.data / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert up.stop(signal.SIGINT) == 0
    assert not any(map(lives, children.values()))

    up.start()

    assert '"up-1"' in up.cli("consume", "models", "--from-beginning", "--max", "1", "--json")
    assert up.stop() == 0


@pytest.mark.slow
def test_whatever_is_killed_comes_back(up):
    up.start()
    for kind in ("worker", "server", "kafka"):
        victim = up.children()[kind]
        os.kill(victim, signal.SIGKILL)
        until(lambda kind=kind, victim=victim: up.children().get(kind, victim) != victim)
        # A ready server may not have noticed yet; what counts is that it ends up ready with the new one.
        until(lambda kind=kind: re.search(rf"{kind}\S* was ended by SIGKILL; started again", up.log.read_text()), 60)
        until(lambda: up.status("/readyz") == 200, 60)

    assert up.stop() == 0


@pytest.mark.slow
def test_nothing_outlives_a_router_up_that_is_killed(up):
    children = up.start().children()
    up.process.kill()
    up.process.wait()

    until(lambda: not any(map(lives, children.values())))
    up.start()
    assert up.stop() == 0
