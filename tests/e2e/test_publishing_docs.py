"""docs/publishing.md says what is true: its blocks run as they are written, against a `router up` of their own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.waiting import free_port

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(400)]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "publishing.md"
BLOCKS = re.compile(r"^```(bash|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCK_SECONDS = 60
FRAGMENTS = "## What a webhook gets"
"""From here on the blocks are parts of a receiver, and not for a terminal."""
ENDLESS = "async for record in consumer"
"""In the block of a consumer that runs until it is stopped."""


class Shell:
    """One bash for all blocks, as a reader has one terminal; in a directory that has what the page takes for granted."""

    def __init__(self, directory: Path, ports: dict[str, int]) -> None:
        self._directory = directory
        self._ports = ports
        self._said = b""
        environment = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
        self._bash = subprocess.Popen(
            ["bash"],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, language: str, block: str) -> tuple[int, str]:
        """Run a block; return its exit code and what it said."""
        for wrong, right in self._ports.items():
            block = block.replace(wrong, str(right))
        if language == "python":
            path = self._directory / "block.py"
            path.write_text(block)
            limit = 10 if ENDLESS in block else BLOCK_SECONDS
            block = f"timeout {limit} python -u {path.name}\n"
        assert self._bash.stdin is not None
        assert self._bash.stdout is not None
        # Not `set -e`, which would end the shell: the trap remembers what failed, wherever in the block.
        guarded = f"FAILED=0; trap 'FAILED=$?' ERR\n{{\n{block}\n}} < /dev/null\ntrap - ERR; echo; echo DONE $FAILED\n"
        self._bash.stdin.write(guarded.encode())
        self._bash.stdin.flush()
        said = []
        for line in iter(self._bash.stdout.readline, b""):
            if line.startswith(b"DONE "):
                return int(line.split()[1]), "\n".join(said)
            said.append(line.decode().rstrip())
        return self._bash.wait(), "\n".join(said)

    def end(self) -> None:
        """End it, and what it left in the background."""
        assert self._bash.stdin is not None
        self._bash.stdin.write(b"kill $(jobs -p)\n")
        self._bash.stdin.close()
        self._bash.wait(10)
        assert self._bash.stdout is not None
        self._bash.stdout.close()


@pytest.fixture
def shell(tmp_path):
    """A shell beside a running router, with a virtual environment where the page expects one."""
    if subprocess.run(["which", "kcat"], capture_output=True, check=False).returncode:
        pytest.skip("kcat is not installed")
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    (tmp_path / ".venv" / "bin" / "activate").write_text("")
    for name in ("docs", "topics"):
        (tmp_path / name).symlink_to(ROOT / name)
    ports = {"127.0.0.1:8080": free_port(), "127.0.0.1:9092": free_port(), "127.0.0.1 9000": free_port()}
    http, kafka, _hook = ports.values()
    with (tmp_path / "up.log").open("wb") as log:
        up = subprocess.Popen(
            [sys.executable, "-m", "router", "up", "--port", str(http), "--kafka-port", str(kafka)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            stdout=log,
            stderr=log,
        )
    started = Shell(
        tmp_path,
        {
            "127.0.0.1:8080": f"127.0.0.1:{http}",
            "127.0.0.1:9092": f"127.0.0.1:{kafka}",
            "127.0.0.1 9000": f"127.0.0.1 {_hook}",
            "127.0.0.1:9000": f"127.0.0.1:{_hook}",
        },
    )
    try:
        ready = (
            f"for i in $(seq 300); do curl -sf -o /dev/null http://127.0.0.1:{http}/readyz && break; sleep 0.2; done"
        )
        assert started.run("bash", ready)[0] == 0
        yield started
    finally:
        started.end()
        up.terminate()
        up.wait(40)


def test_every_block_runs_as_it_is_written(shell):
    said = {}
    for language, block in BLOCKS.findall(PAGE.read_text().partition(FRAGMENTS)[0]):
        # A reader takes longer to type the line after the one that starts a receiver.
        code, text = shell.run(language, block.replace("9000 &\n", "9000 &\nsleep 2\n"))
        # A consumer without an end is stopped by its time limit, which is 124.
        assert code == (124 if ENDLESS in block else 0), f"{block}\n{text}"
        said[block] = text
    everything = next(text for block, text in said.items() if "kcat -C -e -b 127.0.0.1:9092 -t subscriber" in block)
    for subject in ("models/churn:3", "models/churn:4", "experiments/churn/runs/17", "models/churn:8"):
        assert subject in everything
    orders = next(text for block, text in said.items() if "custom-topic create orders" in block)
    assert re.search(r"Placed +customers/5 +17$", orders, re.MULTILINE)
