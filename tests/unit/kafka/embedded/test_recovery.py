"""When a broker needs a fencing controller first, and how long that is waited for."""

import sys

import pytest

from router.kafka.embedded.configuration import fencing_properties
from router.kafka.embedded.process import LogTail
from router.kafka.embedded.recovery import ACTIVE, CLEAN, FENCED, METADATA, fence_dead_broker, was_killed
from router.kafka.embedded.storage import log_directory


def says(*lines: str) -> list[str]:
    """A stand-in for the controller: prints, then stays."""
    program = f"import time; print({chr(10).join(lines)!r}, flush=True); time.sleep(60)"
    return [sys.executable, "-S", "-c", program]


def test_a_directory_that_never_ran_was_not_killed(tmp_path):
    log_directory(tmp_path).mkdir()

    assert not was_killed(tmp_path)


def test_one_that_ended_in_order_was_not_killed(tmp_path):
    (log_directory(tmp_path) / METADATA).mkdir(parents=True)
    (log_directory(tmp_path) / CLEAN).touch()

    assert not was_killed(tmp_path)


def test_one_that_ran_and_did_not_end_in_order_was(tmp_path):
    (log_directory(tmp_path) / METADATA).mkdir(parents=True)

    assert was_killed(tmp_path)


def test_the_controller_alone_is_no_broker_and_impatient(tmp_path):
    properties = fencing_properties(tmp_path, 9093)

    assert properties["process.roles"] == "controller"
    assert properties["listeners"] == "CONTROLLER://127.0.0.1:9093"
    assert "advertised.listeners" not in properties
    assert int(properties["broker.session.timeout.ms"]) < 1000


async def test_a_controller_is_ended_once_it_has_fenced_the_broker(tmp_path):
    await fence_dead_broker(says(ACTIVE, f"{FENCED} 1 at epoch 5"), tmp_path / "kafka.log")

    assert FENCED in (tmp_path / "kafka.log").read_text()


async def test_one_that_has_nothing_to_fence_is_waited_for_a_moment_only(tmp_path, monkeypatch):
    monkeypatch.setattr("router.kafka.embedded.recovery.ACTIVE_SECONDS", 0.0)

    await fence_dead_broker(says(ACTIVE), tmp_path / "kafka.log")


@pytest.mark.parametrize("exit_code", [0, 1])
async def test_one_that_ends_by_itself_is_not_waited_for(tmp_path, exit_code):
    await fence_dead_broker([sys.executable, "-S", "-c", f"raise SystemExit({exit_code})"], tmp_path / "kafka.log")


def test_the_tail_of_a_log_is_what_came_after(tmp_path):
    path = tmp_path / "kafka.log"
    path.write_text("before\n")
    said = LogTail(path)
    with path.open("a") as log:
        log.write("after\n")

    assert said.read() == "after\n"
