"""Child processes that cannot outlive their parent, however it ends. Real processes, no Kafka."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from router.kafka.embedded import guard
from router.kafka.embedded.process import ChildProcess

SLEEP = [sys.executable, "-S", "-c", "import time; print('up', flush=True); time.sleep(60)"]
STUBBORN = [
    sys.executable,
    "-S",
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)",
]
PARENT = """
import subprocess, sys, time
from router.kafka.embedded.guard import guarded
child = subprocess.Popen(guarded({command!r}, poll={poll}), stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def until(condition, seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return bool(condition())


def has_line(path: Path) -> bool:
    return path.exists() and "\n" in path.read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("poll", [False, True], ids=["by the kernel", "by polling"])
def test_a_guarded_command_ends_with_its_parent_even_when_that_is_killed(poll):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(command=SLEEP, poll=poll)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(Path(guard.__file__).parents[3])},
    )
    pids = [int(parent.stdout.readline())]
    children = Path(f"/proc/{pids[0]}/task/{pids[0]}/children").read_text().split()
    pids += map(int, children)

    parent.kill()
    parent.wait()
    parent.stdout.close()

    assert len(pids) == (2 if poll else 1)
    assert until(lambda: not any(map(lives, pids)))


def test_a_command_whose_parent_died_before_it_began_is_not_run(tmp_path):
    mark = tmp_path / "ran"
    nobody = subprocess.Popen([sys.executable, "-S", "-c", ""])
    nobody.wait()

    command = [sys.executable, guard.__file__, str(nobody.pid), "--", sys.executable, "-c", f"open({str(mark)!r}, 'w')"]
    done = subprocess.run(command, check=False)

    assert done.returncode == guard.PARENT_GONE
    assert not mark.exists()


@pytest.mark.parametrize("poll", [False, True])
def test_a_guard_passes_the_exit_code_on(poll):
    done = subprocess.run(guard.guarded([sys.executable, "-S", "-c", "raise SystemExit(7)"], poll=poll), check=False)

    assert done.returncode == 7


@pytest.mark.parametrize("arguments", [[], ["1"], ["x", "--", "y"], ["1", "--"]])
def test_a_guard_that_is_told_nothing_useful_says_so(arguments):
    assert guard.main(arguments) == guard.USAGE


async def test_a_child_that_obeys_is_asked_to_end(tmp_path):
    child = ChildProcess(SLEEP, tmp_path / "log")
    assert until(lambda: has_line(tmp_path / "log"))

    assert await child.stop(timeout_seconds=10)
    assert child.exit_code == -signal.SIGTERM


async def test_a_child_that_does_not_is_killed(tmp_path):
    child = ChildProcess(STUBBORN, tmp_path / "log")
    assert until(lambda: has_line(tmp_path / "log"))

    assert not await child.stop(timeout_seconds=0.1)
    assert not child.is_running


async def test_a_child_is_in_a_group_of_its_own_and_in_the_session_of_its_parent(tmp_path):
    child = ChildProcess(SLEEP, tmp_path / "log")

    assert os.getpgid(child.pid) == child.pid
    assert os.getsid(child.pid) == os.getsid(0)
    child.kill()


async def test_the_output_of_a_child_is_appended_to_its_log(tmp_path):
    log = tmp_path / "logs" / "child.log"
    for word in ("one", "two"):
        assert await ChildProcess([sys.executable, "-S", "-c", f"print({word!r})"], log).wait()

    assert log.read_text() == "one\ntwo\n"
