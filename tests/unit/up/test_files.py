"""The small files of a data directory: logs, locks, the instance; and ports that are held by files."""

import os
import socket
import subprocess
import sys

from router.up.file_lock import FileLock
from router.up.instance import instance_name
from router.up.log_files import cut, last_lines, older
from router.up.metrics_ports import MetricsPorts


def test_a_log_that_grew_too_large_is_cut_while_its_writer_goes_on(tmp_path):
    path = tmp_path / "server.log"
    with path.open("a") as writer:
        writer.write("x" * 100)
        writer.flush()
        cut([path, tmp_path / "missing.log"], largest_bytes=50)
        writer.write("more")

    assert path.read_text() == "more"
    assert older(path).read_text() == "x" * 100


def test_a_small_log_is_left_alone(tmp_path):
    path = tmp_path / "server.log"
    path.write_text("x")
    cut([path])

    assert path.read_text() == "x"
    assert not older(path).exists()


def test_the_last_lines_of_a_log_are_quoted(tmp_path):
    path = tmp_path / "server.log"
    path.write_bytes(b"one\ntwo\n\xff three\n")

    assert last_lines(path, 2) == ["two", "\ufffd three"]
    assert last_lines(tmp_path / "missing", 2) == []


def test_a_lock_is_for_one_and_names_its_holder(tmp_path):
    first, second = FileLock(tmp_path / "up.lock"), FileLock(tmp_path / "up.lock")

    assert first.acquire()
    assert not second.acquire()
    assert second.holder() == str(os.getpid())
    first.release()
    assert second.acquire()
    second.release()


def test_a_lock_ends_with_its_process(tmp_path):
    program = f"""
import os, pathlib
from router.up.file_lock import FileLock
assert FileLock(pathlib.Path({str(tmp_path / "up.lock")!r})).acquire()
os._exit(1)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    lock = FileLock(tmp_path / "up.lock")

    assert lock.acquire()
    lock.release()


def test_a_data_directory_keeps_its_instance(tmp_path):
    assert instance_name(tmp_path) == instance_name(tmp_path)


def test_two_data_directories_have_different_instances(tmp_path):
    for name in "ab":
        (tmp_path / name).mkdir()

    assert instance_name(tmp_path / "a") != instance_name(tmp_path / "b")


def test_a_taken_metrics_port_is_replaced(tmp_path):
    ports = MetricsPorts(tmp_path)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        taken = listener.getsockname()[1]
        (port,) = ports.take(taken, 1)

    assert port != taken
    ports.release()


def test_two_stacks_never_get_the_same_port_even_before_anyone_listens(tmp_path):
    one, two = MetricsPorts(tmp_path), MetricsPorts(tmp_path)
    first = one.take(0, 2)

    assert not set(first) & set(two.take(first[0], 2))
    one.release()
    two.release()


def test_a_released_port_can_be_had_again(tmp_path):
    ports = MetricsPorts(tmp_path)
    (port,) = ports.take(0, 1)
    ports.release()

    assert ports.take(port, 1) == [port]
    ports.release()


def test_without_a_place_for_lock_files_there_are_ports_all_the_same(tmp_path):
    (tmp_path / "file").write_text("in the way")

    assert len(MetricsPorts(tmp_path / "file" / "locks").take(0, 2)) == 2
