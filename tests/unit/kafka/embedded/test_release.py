"""The lock file: every jar pinned, no address in it."""

import re

import pytest

from router.kafka.embedded.release import (
    KAFKA_VERSION,
    LOCK_FILE,
    LOG_BINDING,
    ROOT,
    Jar,
    lock_text,
    parse_lock,
    read_lock,
)

A_SUM = "ab" * 32


def test_the_release_is_pinned_whole():
    coordinates = {jar.coordinate for jar in read_lock()}

    assert {ROOT, LOG_BINDING} <= coordinates
    assert f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}" in coordinates
    assert len(coordinates) == 46


def test_every_jar_is_pinned_by_sha256_and_has_a_file_of_its_own():
    jars = read_lock()

    assert all(re.fullmatch(r"[0-9a-f]{64}", jar.sha256) for jar in jars)
    assert len({jar.file_name for jar in jars}) == len(jars)


def test_kafkas_own_jars_are_all_of_one_version():
    assert {jar.version for jar in read_lock() if jar.group == "org.apache.kafka"} == {KAFKA_VERSION}


def test_the_lock_file_names_no_address():
    assert not re.search(r"https?:|//|www\.|\brepo", LOCK_FILE.read_text())


def test_a_lock_file_survives_being_written_and_read():
    jars = (Jar("org.b", "two", "2", A_SUM), Jar("org.a", "one", "1.0", A_SUM))

    assert parse_lock(lock_text(jars).splitlines()) == tuple(sorted(jars, key=lambda jar: jar.coordinate))


@pytest.mark.parametrize("line", ["org.a:one:1.0", "org.a:one abc", "org.a:one:1.0 abc def"])
def test_a_line_that_pins_nothing_is_an_error(line):
    with pytest.raises(ValueError, match="unpack"):
        parse_lock([line])


def test_a_jar_knows_where_a_repository_keeps_it():
    jar = Jar("org.apache.kafka", "kafka-raft", "4.3.1", A_SUM)

    assert jar.repository_path == "org/apache/kafka/kafka-raft/4.3.1/kafka-raft-4.3.1.jar"
