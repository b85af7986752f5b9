"""`router worker` with ROUTER_WORKER_PROCESSES: several processes under one command, which share the partitions."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import router
from tests.waiting import until

pytestmark = [pytest.mark.kafka, pytest.mark.long, pytest.mark.timeout(200)]


class Workers:
    """The command, and what can be seen of its processes."""

    def __init__(self, bootstrap_servers: str, data_dir: Path):
        self._logs = data_dir / "logs"
        command = ["worker", "--stages", "fanout", "--metrics-port", "0", "--data-dir", str(data_dir)]
        environment = {"ROUTER_WORKER_PROCESSES": "2", "ROUTER_INSTANCE": "several"}
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "router", *command, "--bootstrap-servers", bootstrap_servers],
            env=os.environ | {"PYTHONPATH": str(Path(router.__file__).parents[1]), **environment},
        )

    def children(self) -> list[int]:
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in found if b"router\0worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def assignments(self, number: int) -> list[list[int]]:
        """The partitions of each assignment that a worker has logged."""
        log = self._logs / f"worker-{number}.log"
        return [json.loads(found) for found in re.findall(r'"partitions": (\[.*?\])', log.read_text())]

    def all_assignments(self) -> list[list[list[int]]]:
        return [self.assignments(number) for number in (0, 1) if (self._logs / f"worker-{number}.log").exists()]


def lives(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture
def workers(kafka, tmp_path):
    one = Workers(kafka.bootstrap_servers, tmp_path)
    yield one
    one.process.kill()
    one.process.wait()


async def test_they_share_the_partitions_come_back_and_end_together(workers):
    def shared() -> list[list[int]]:
        return [assignments[-1] for assignments in workers.all_assignments() if assignments]

    await until(lambda: sorted(shared()) in ([[0, 2], [1, 3]], [[0, 1], [2, 3]]), seconds=60)
    before, count = shared(), sum(map(len, workers.all_assignments()))
    os.kill(workers.children()[0], signal.SIGKILL)
    await until(lambda: sum(map(len, workers.all_assignments())) > count, seconds=60)

    # Under the same name it gets the same partitions back, and the other goes on with its own.
    assert shared() == before
    children = workers.children()
    workers.process.terminate()
    assert workers.process.wait(40) == 0
    assert not any(map(lives, children))
