"""When a broker needs a fencing controller first, and how long that is waited for."""

import sys
from pathlib import Path

import pytest

from router.kafka.embedded.configuration import fencing_properties
from router.kafka.embedded.process import LogTail
from router.kafka.embedded.recovery import (
    ACTIVE,
    CLEAN,
    METADATA,
    MetadataTail,
    fence_dead_broker,
    was_killed,
)
from router.kafka.embedded.storage import log_directory

RECORD = b"\x01\x11\x02" + (1).to_bytes(4) + (13).to_bytes(8) + b"\x01\x00\x01"
FENCED, UNFENCED = RECORD + b"\x01", RECORD + b"\xff"
"""Broker 1 of registration epoch 13, as Kafka writes it."""


def says(*lines: str, writes: tuple[Path, bytes] | None = None) -> list[str]:
    """A stand-in for the controller: prints, then writes, then stays."""
    program = f"import time; print({chr(10).join(lines)!r}, flush=True); "
    if writes:
        program += f"open({str(writes[0])!r}, 'ab').write({writes[1]!r}); "
    return [sys.executable, "-S", "-c", program + "time.sleep(60)"]


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


@pytest.fixture
def metadata(tmp_path):
    """The metadata log of a data directory."""
    directory = log_directory(tmp_path) / METADATA
    directory.mkdir(parents=True)
    (directory / "00000000000000000000.log").write_bytes(UNFENCED)
    return directory / "00000000000000000000.log"


async def test_a_controller_is_ended_once_it_has_written_that_the_broker_is_fenced(tmp_path, metadata):
    controller = says(ACTIVE, "Fencing broker 1 at epoch 13 because", writes=(metadata, FENCED))

    await fence_dead_broker(controller, tmp_path, tmp_path / "kafka.log")

    assert metadata.read_bytes() == UNFENCED + FENCED


async def test_one_that_has_nothing_to_fence_is_waited_for_a_moment_only(tmp_path, metadata, monkeypatch):
    monkeypatch.setattr("router.kafka.embedded.recovery.ACTIVE_SECONDS", 0.0)

    await fence_dead_broker(says(ACTIVE), tmp_path, tmp_path / "kafka.log")

    assert metadata.read_bytes() == UNFENCED


@pytest.mark.parametrize("exit_code", [0, 1])
async def test_one_that_ends_by_itself_is_not_waited_for(tmp_path, exit_code):
    ends = [sys.executable, "-S", "-c", f"raise SystemExit({exit_code})"]

    await fence_dead_broker(ends, tmp_path, tmp_path / "kafka.log")


@pytest.mark.parametrize(
    ("appended", "fenced"),
    [(FENCED, True), (b"noise" + FENCED + b"noise", True), (UNFENCED, False), (FENCED[:-1], False), (b"", False)],
)
def test_only_what_is_written_counts_as_fenced(metadata, appended, fenced):
    tail = MetadataTail(metadata.parent)
    with metadata.open("ab") as file:
        file.write(appended)

    assert tail.has_fenced(13) is fenced
    assert not tail.has_fenced(14)


def test_a_fencing_of_before_does_not_count(metadata):
    metadata.write_bytes(FENCED)

    assert not MetadataTail(metadata.parent).has_fenced(13)


def test_a_new_segment_is_looked_into_as_well(metadata):
    tail = MetadataTail(metadata.parent)
    (metadata.parent / "00000000000000000042.log").write_bytes(FENCED)

    assert tail.has_fenced(13)


def test_the_tail_of_a_log_is_what_came_after(tmp_path):
    path = tmp_path / "kafka.log"
    path.write_text("before\n")
    said = LogTail(path)
    with path.open("a") as log:
        log.write("after\n")

    assert said.read() == "after\n"
