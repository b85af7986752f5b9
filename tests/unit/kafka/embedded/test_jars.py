"""Fetching jars from a repository of the test's own on loopback."""

import hashlib
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from router.errors import EmbeddedKafkaError
from router.kafka.embedded.jars import cache_directory, install_jars
from router.kafka.embedded.ports import free_port
from router.kafka.embedded.release import Jar

CONTENTS = {"one": b"the first jar", "two": b"the second jar"}


def jar(artifact: str) -> Jar:
    return Jar("org.example", artifact, "1.0", hashlib.sha256(CONTENTS[artifact]).hexdigest())


JARS = [jar("one"), jar("two")]


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_args):
        pass


@pytest.fixture
def files(tmp_path):
    """What the repository serves."""
    home = tmp_path / "repository"
    for each in JARS:
        path = home / each.repository_path
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENTS[each.artifact])
    return home


@pytest.fixture
def repository(files):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(files)))
    threading.Thread(target=partial(server.serve_forever, 0.02), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def own_maven_home(tmp_path, monkeypatch):
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("router.kafka.embedded.jars.PAUSE_SECONDS", 0.0)
    return tmp_path / "m2"


def stored(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}"


def test_jars_are_fetched_in_the_order_of_the_class_path_and_nothing_else_is_left(tmp_path, repository):
    paths = install_jars(tmp_path / "cache", jars=JARS, repository=repository)

    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert stored(tmp_path / "cache") == {"one-1.0.jar", "two-1.0.jar"}


def test_the_person_who_waits_is_told_only_when_there_is_something_to_fetch(tmp_path, repository):
    told = []
    for _ in range(2):
        install_jars(tmp_path / "cache", jars=JARS, repository=repository, report=told.append)

    assert len(told) == 1
    assert "2 jars" in told[0]


def test_a_second_start_needs_no_repository(tmp_path, repository):
    install_jars(tmp_path / "cache", jars=JARS, repository=repository)

    assert len(install_jars(tmp_path / "cache", jars=JARS, repository=nowhere())) == 2


def test_a_damaged_jar_is_fetched_again(tmp_path, repository):
    first, _ = install_jars(tmp_path / "cache", jars=JARS, repository=repository)
    first.write_bytes(CONTENTS["one"][:-1])

    install_jars(tmp_path / "cache", jars=JARS, repository=repository)

    assert first.read_bytes() == CONTENTS["one"]


def test_other_bytes_than_the_pinned_ones_are_refused_and_not_stored(tmp_path, files, repository):
    (files / JARS[1].repository_path).write_bytes(b"something else")

    with pytest.raises(EmbeddedKafkaError, match=r"org\.example:two:1\.0 came with other bytes"):
        install_jars(tmp_path / "cache", jars=JARS, repository=repository)

    assert "two-1.0.jar" not in stored(tmp_path / "cache")


def test_a_repository_that_lacks_a_jar_is_named_in_words(tmp_path, files, repository):
    (files / JARS[0].repository_path).unlink()

    with pytest.raises(EmbeddedKafkaError, match=r"cannot download org\.example:one:1\.0: the repository") as raised:
        install_jars(tmp_path / "cache", jars=JARS, repository=repository)

    assert "--bootstrap-servers" in raised.value.hint
    assert "127.0.0.1" not in raised.value.message


def test_a_repository_that_refuses_connections_is_an_error_with_a_hint(tmp_path):
    with pytest.raises(EmbeddedKafkaError, match=r"cannot download .*refused") as raised:
        install_jars(tmp_path / "cache", jars=JARS[:1], repository=nowhere())

    assert "HTTPS_PROXY" in raised.value.hint


def test_jars_of_the_users_own_maven_are_used_when_they_are_the_pinned_ones(tmp_path, own_maven_home, files):
    files.rename(own_maven_home)

    paths = install_jars(tmp_path / "cache", jars=JARS, repository=nowhere())

    assert [path.read_bytes() for path in paths] == list(CONTENTS.values())
    assert (own_maven_home / JARS[0].repository_path).exists()


def test_two_that_fetch_at_once_both_succeed(tmp_path, repository):
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(install_jars(tmp_path / "cache", jars=JARS, repository=repository))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 4
    assert stored(tmp_path / "cache") == {"one-1.0.jar", "two-1.0.jar"}


def test_without_the_extra_the_error_says_how_to_install_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "jgo.maven", None)

    with pytest.raises(EmbeddedKafkaError, match="jgo is missing") as raised:
        install_jars(tmp_path / "cache", jars=JARS)

    assert "pip install 'workspace-event-router[embedded]'" in raised.value.hint


def test_a_cache_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(EmbeddedKafkaError, match="cannot store Kafka's jars"):
        install_jars(tmp_path / "file" / "cache", jars=JARS)


def test_the_cache_is_where_the_user_keeps_caches(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    assert cache_directory().parent == tmp_path / "workspace-event-router"
