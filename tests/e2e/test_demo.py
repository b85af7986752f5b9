"""`router demo`, as a stranger runs it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from topics import EVENT_TYPES

pytestmark = pytest.mark.kafka


def environment(temporary):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ROUTER_")}
    return kept | {"TMPDIR": str(temporary), "NO_COLOR": "1"}


def processes_that_mention(directory):
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(directory) in line:
                found.append(line)
    return found


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_demo_shows_who_got_what_and_leaves_nothing_behind(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "router", "demo"],
        capture_output=True,
        text=True,
        env=environment(tmp_path),
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert done.stderr == ""
    for kind in EVENT_TYPES:
        assert kind.name.rpartition(".")[2] in done.stdout
    for words in (
        "the subject does not begin with",
        "retry of ModelDeployed",
        "dead-lettered after 2 attempts: MaxDeliveryAttemptsExceeded",
        "10 delivered",
        "Every expected delivery was seen, and nothing else.",
        "What to try next:",
    ):
        assert words in done.stdout
    assert list(tmp_path.glob("router-demo-*")) == []
    assert processes_that_mention(tmp_path) == []


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_demo_that_stays_can_be_used_and_stops_cleanly(tmp_path):
    data_dir = tmp_path / "data"
    with subprocess.Popen(
        [sys.executable, "-m", "router", "demo", "--stay", "--data-dir", str(data_dir)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
    ) as process:
        assert any("It goes on until Ctrl-C" in line for line in process.stdout)
        used = subprocess.run(
            [sys.executable, "-m", "router", "consume", "models", "--from-beginning", "--max", "1", "--json"],
            capture_output=True,
            text=True,
            env=environment(tmp_path) | {"ROUTER_DATA_DIR": str(data_dir)},
            check=True,
        )
        assert json.loads(used.stdout)["subject"] == "models/ncd-sklearn-model:1"
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait() == 0
    assert (data_dir / "credentials.json").exists()
    assert processes_that_mention(tmp_path) == []
